"""A pair of frames with true flow, as a data set stores it; nothing is read before it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets.visibility import visible_one_way, visible_two_ways
from reconet_cli.flow.files import read_flow
from reconet_cli.system.pictures import read_gray, read_rgb


@dataclass(frozen=True)
class GroundTruth:
    """What a data set says: frames a and b, uint8 RGB `(H, W, 3)`, and the flow a→b, float32 `(2, H, W)` in pixels.

    `known` is bool `(H, W)`, the pixels whose flow means something; `occluded` is bool `(H, W)`, the pixels of a that
    are hidden in b, or None where the data set does not tell.
    """

    a: np.ndarray
    b: np.ndarray
    flow: np.ndarray
    known: np.ndarray
    occluded: np.ndarray | None


@dataclass(frozen=True)
class TracedPair:
    """`current` and `previous`, uint8 RGB `(H, W, 3)`; `flow` current→previous, float32 `(2, H, W)` in pixels.

    `visible` is bool `(H, W)`, the pixels of `current` where warping `previous` by `flow` shows the same thing.
    """

    previous: np.ndarray
    current: np.ndarray
    flow: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class FlowPair:
    """The files of one pair; a comes before b in time.

    `flow` holds a→b, `reverse` b→a. `occlusions` and `invalid` are pictures on a's pixels, white where a pixel is
    hidden in b and where the flow means nothing; `unoccluded` is a flow file that knows only what is seen in b.
    `boundaries` is a picture of motion boundaries on b's pixels, or on a's where there is no `reverse`.
    """

    layout: str
    name: str
    a: Path
    b: Path
    flow: Path
    reverse: Path | None = None
    occlusions: Path | None = None
    invalid: Path | None = None
    unoccluded: Path | None = None
    boundaries: Path | None = None

    def named(self, name: str) -> FlowPair:
        """The same pair under another name."""
        return replace(self, name=name)

    def ground_truth(self) -> GroundTruth:
        """The pair as the data set gives it, for measuring an estimator, and paintings in the order of a video.

        A video's temporal error needs no backward flow: with a = frame t−1 and b = frame t it is taken on a's pixels,
        O_a against O_b warped by a→b, which is exact. Raises `FlowError` for missing, damaged or differing files.
        """
        a, b = self._frames()
        flow, known = self._flow(self.flow, a)
        if self.invalid:
            known = known & ~self._mask(self.invalid, a)
        return GroundTruth(a, b, flow, known, self._occluded(known, a))

    def traced(self) -> TracedPair:
        """The pair for a two-frame training step.

        With flow in both directions, `previous` is a and `current` b. With a→b alone time runs backwards: a plays
        `current` and b `previous`, so the flow as given *is* current→previous. Both are exact; splatting a→b onto b's
        pixels would leave holes and rounding. Raises `FlowError` for missing, damaged or differing files.
        """
        if self.reverse:
            return self._traced_two_ways(self.reverse)
        truth = self.ground_truth()
        visible = visible_one_way(truth.flow, truth.known, truth.occluded) & self._off_boundaries(truth.a)
        return TracedPair(truth.b, truth.a, truth.flow, visible)

    def _traced_two_ways(self, reverse: Path) -> TracedPair:
        a, b = self._frames()
        there, back = self._flow(self.flow, a), self._flow(reverse, b)
        return TracedPair(a, b, back[0], visible_two_ways(back, there) & self._off_boundaries(b))

    def _frames(self) -> tuple[np.ndarray, np.ndarray]:
        a, b = read_rgb(self.a, FlowError), read_rgb(self.b, FlowError)
        return a, _fitting(b, a, self.b)

    def _flow(self, path: Path, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flow, known = read_flow(path)
        _fitting(known, frame, path)
        return flow, known

    def _mask(self, path: Path, frame: np.ndarray) -> np.ndarray:
        return _fitting(read_gray(path, FlowError) > 0, frame, path)

    def _occluded(self, known: np.ndarray, frame: np.ndarray) -> np.ndarray | None:
        if self.occlusions:
            return self._mask(self.occlusions, frame)
        if self.unoccluded:
            occluded: np.ndarray = known & ~self._flow(self.unoccluded, frame)[1]
            return occluded
        return None

    def _off_boundaries(self, frame: np.ndarray) -> np.ndarray:
        return ~self._mask(self.boundaries, frame) if self.boundaries else np.ones(frame.shape[:2], bool)


def _fitting(values: np.ndarray, frame: np.ndarray, path: Path) -> np.ndarray:
    height, width = frame.shape[:2]
    if values.shape[:2] != (height, width):
        raise FlowError(
            f"{path} is {values.shape[1]}x{values.shape[0]}, but its frames are {width}x{height}",
            "the data set is mixed up or damaged",
        )
    return values
