"""The pairs of frames that flicker most, kept as pictures to look at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from reconet_cli.evaluation.measures.temporal import Trace, as_tensor
from reconet_cli.warping import warp

# Neighbors of a bad pair look alike: so many frames lie between two that are kept.
_APART = 8
_WIDEST = 480
# Root mean square over the channels that gets the brightest color of a heat map, of pixels in [0, 1].
FULL_HEAT = 0.3
_UNTRACED = 110
_QUALITY = 82


@dataclass(frozen=True)
class WorstPair:
    """A painted frame t with its error, the frame before carried onto it, and where they differ, as JPEG files."""

    index: int
    error: float
    current: bytes
    carried: bytes
    heat: bytes


class Worst:
    """The `count` worst pairs of a clip, worst first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.pairs: list[WorstPair] = []

    def see(self, index: int, error: float, current: np.ndarray, earlier: np.ndarray, trace: Trace) -> None:
        """Keep uint8 frames `(H, W, 3)` with the trace between them if they are among the worst so far."""
        if not self._count:
            return
        near = [pair for pair in self.pairs if abs(pair.index - index) < _APART]
        full = len(self.pairs) - len(near) >= self._count
        if any(pair.error >= error for pair in near) or (full and error <= self.pairs[-1].error):
            return
        kept = [pair for pair in self.pairs if pair not in near] + [_picture(index, error, current, earlier, trace)]
        self.pairs[:] = sorted(kept, key=lambda pair: -pair.error)[: self._count]


def _picture(index: int, error: float, current: np.ndarray, earlier: np.ndarray, trace: Trace) -> WorstPair:
    carried = warp(as_tensor(earlier), trace.flow)
    gap = (as_tensor(current) - carried).square().mean(1).sqrt()[0].numpy()
    shown = (carried[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
    return WorstPair(index, error, _jpeg(current), _jpeg(shown), _jpeg(heat_map(gap, trace.mask[0, 0].numpy() > 0)))


def heat_map(gap: np.ndarray, traced: np.ndarray) -> np.ndarray:
    """Differences `(H, W)` in [0, 1] as colors from black over red to light yellow; gray where not `traced`."""
    level = np.clip(gap * (255 / FULL_HEAT), 0, 255).astype(np.uint8)
    colors = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    colors[~traced] = _UNTRACED
    return colors


def _jpeg(frame: np.ndarray) -> bytes:
    height, width = frame.shape[:2]
    if width > _WIDEST:
        size = (_WIDEST, max(1, round(height * _WIDEST / width)))
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
