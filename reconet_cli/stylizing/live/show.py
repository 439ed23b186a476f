"""The loop of `reconet live`: the newest frame, painted, shown and handed on, and keys in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.live.controls import HELP, Controls
from reconet_cli.stylizing.live.newest import Newest
from reconet_cli.stylizing.live.overlay import Rate, with_text
from reconet_cli.stylizing.live.painting import Painting, eight_bits
from reconet_cli.stylizing.live.sinks import Sink, save_still
from reconet_cli.video.ffmpeg.pixels import Frame

log = logging.getLogger("reconet")

_PATIENCE = 0.03  # seconds without a frame after which keys are looked at
_HELP_SECONDS = 6.0
_MESSAGE_SECONDS = 2.0  # that a message stays


class Screen(Protocol):
    """What the loop needs of a window."""

    def show(self, pixels: np.ndarray) -> None: ...
    def key(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    def fill_screen(self, full: bool) -> None: ...


class Show:
    """The loop over frames and keys, on the thread that owns the window."""

    def __init__(
        self, painting: Painting, screen: Screen, sinks: Sequence[Sink], controls: Controls, names: Sequence[str]
    ) -> None:
        self._painting = painting
        self._screen = screen
        self._sinks = sinks
        self._controls = controls
        self._names = names
        self._rate = Rate()
        self._fps = 0.0
        self._message = ("", 0.0)

    def run(self, newest: Newest) -> int:
        """Go on until somebody quits, or the frames end; the number that was shown. Raises what ended them."""
        count, source = 0, None
        help_ends = time.monotonic() + _HELP_SECONDS
        while not (self._controls.ended or newest.ended or self._screen.closed):
            frame = newest.take(_PATIENCE)
            source = eight_bits(frame) if frame else source
            if source:
                painted = self._look(source)
                if frame:
                    count += 1
                    self._fps = self._rate(time.monotonic())
                    for sink in self._sinks:
                        sink.write(painted)
                self._screen.show(with_text(painted.pixels, self._above(), HELP if self._controls.help else ""))
                if self._controls.still:
                    self._save(painted)
            self._press_keys()
            if time.monotonic() > help_ends:
                self._controls.help, help_ends = False, float("inf")
        return count

    def _look(self, source: Frame) -> Frame:
        controls = self._controls
        return source if controls.original else self._painting(source, controls.style, controls.strength)

    def _press_keys(self) -> None:
        full = self._controls.full_screen
        while (key := self._screen.key()) is not None:
            self._controls.press(key)
        if self._controls.full_screen != full:
            self._screen.fill_screen(not full)

    def _above(self) -> list[str]:
        controls = self._controls
        name = self._names[controls.style]
        if controls.original:
            what = "original"
        elif self._painting.ready(controls.style):
            what = name if controls.strength == 1 else f"{name} {controls.strength:.0%}"
        else:
            what = f"{name} (loading)"
        message, until = self._message
        return [f"{what}   {self._fps:.0f} fps", *([message] if time.monotonic() < until else [])]

    def _save(self, painted: Frame) -> None:
        self._controls.still = False
        try:
            message = f"saved {save_still(painted)}"
        except MediaError as problem:  # a full disk does not end the session
            message = problem.message
        log.info(message)
        self._message = (message, time.monotonic() + _MESSAGE_SECONDS)
