"""Networks and looks as one painter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from reconet_cli.looks.blend import blend, blend_by_mask, side_by_side, split, with_colours_of
from reconet_cli.looks.looks import Looks
from reconet_cli.looks.masks import Mask
from reconet_cli.media.reader import Frame


class Engine(Protocol):
    """A loaded style: it maps pixels (H, W, 3) to the same shape and type."""

    description: str
    precision: str
    lanes: int

    def __call__(self, frame: np.ndarray) -> np.ndarray: ...


class Steady(Protocol):
    """Makes paintings steady: `follow` gets each source frame, in order, `show` its painting and what came of that.

    `memory` is what the frames behind the last one shown depend on; another one can `remember` it and go on.
    """

    def follow(self, source: np.ndarray, /) -> Any: ...

    def show(self, painted: np.ndarray, change: Any, /) -> np.ndarray: ...

    def memory(self) -> Mapping[str, np.ndarray]: ...

    def remember(self, memory: Mapping[str, np.ndarray], /) -> None: ...


class LooksPainter:
    """Paints frames with one style or a blend of two, then applies the looks.

    The order is: blend of the styles, steadying, the source's colours, strength and mask, comparison. Two styles are
    blended in their pictures, not in their weights: that is right for any two networks, and weights that were not
    trained from one another have nothing painterly between them. It costs both networks' time, but only while both are
    seen.
    """

    def __init__(
        self, engines: Sequence[Engine], looks: Looks, mask: Mask | None = None, steady: Steady | None = None
    ) -> None:
        self.lanes = min(engine.lanes for engine in engines)
        self._engines = engines
        self._looks = looks
        self._mask = mask
        self._steady = steady
        self._changes: deque[Any] = deque()
        # By the frame's identity, as frames are painted at the same time, and two may have one time stamp.
        self._fetched: dict[int, np.ndarray | None] = {}

    @property
    def settled(self) -> list[list[str]]:
        """What each network came to run on, and in which precision."""
        return [[engine.description, engine.precision] for engine in self._engines]

    def memory(self) -> Mapping[str, np.ndarray]:
        """What paintings behind the last finished one depend on."""
        return self._steady.memory() if self._steady else {}

    def remember(self, memory: Mapping[str, np.ndarray]) -> None:
        """Go on behind the frame after which another painter was asked for its `memory`."""
        if self._steady:
            self._steady.remember(memory)

    @property
    def ahead(self) -> Callable[[Frame], None] | None:
        """What can be done with each source frame, in their order, before it is painted."""
        return self._prepare if self._steady or self._mask else None

    @property
    def then(self) -> Callable[[Frame, Frame], Frame] | None:
        """What is left to do with each frame and its painting, in their order."""
        return self._finish if self._steady else None

    def __call__(self, frame: Frame) -> Frame:
        """Paint a frame that `ahead`, if any, has seen; looks wait for `then`, if any.

        A frame that shows a comparison side by side is twice as wide.
        """
        painted = self._paint(frame)
        return replace(frame, pixels=painted) if self._steady else self._show(frame, painted)

    def _prepare(self, frame: Frame) -> None:
        if self._mask:
            self._fetched[id(frame)] = self._mask.fetch(frame)
        if self._steady:
            self._changes.append(self._steady.follow(frame.pixels))

    def _finish(self, frame: Frame, painted: Frame) -> Frame:
        assert self._steady
        return self._show(frame, self._steady.show(painted.pixels, self._changes.popleft()))

    def _show(self, frame: Frame, painted: np.ndarray) -> Frame:
        looks, source = self._looks, frame.pixels
        if looks.keep_colour:
            painted = with_colours_of(source, painted)
        if self._mask:
            share = self._mask.share(frame, self._fetched.pop(id(frame)))
            painted = blend_by_mask(source, painted, share * np.float32(looks.strength))
        elif looks.strength < 1:
            painted = blend(source, painted, looks.strength)
        if looks.compare == "split":
            painted = split(source, painted)
        if looks.compare == "side":
            return side_by_side(frame, replace(frame, pixels=painted))
        return replace(frame, pixels=painted)

    def _paint(self, frame: Frame) -> np.ndarray:
        share = self._looks.share(frame.time)
        if share <= 0:
            return self._engines[0](frame.pixels)
        if share >= 1:
            return self._engines[1](frame.pixels)
        return blend(self._engines[0](frame.pixels), self._engines[1](frame.pixels), share)
