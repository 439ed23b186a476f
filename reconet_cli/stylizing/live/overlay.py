"""What stands over the picture in the window, and nowhere else."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE = (255, 255, 255)
_HEIGHT = 360  # pixels of a frame in which letters have their usual size
_SPAN = 1.0  # seconds that a rate is measured over


class Rate:
    """Frames a second, of the last second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def __call__(self, now: float) -> float:
        """Count a frame that is shown `now` (seconds)."""
        self._times.append(now)
        while now - self._times[0] > _SPAN and len(self._times) > 2:
            self._times.popleft()
        passed = now - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0


def with_text(pixels: np.ndarray, above: Sequence[str], below: str = "") -> np.ndarray:
    """A copy of RGB uint8 (H, W, 3) with lines of text in its upper left corner, and one at the bottom."""
    shown: np.ndarray = pixels.copy()
    height = pixels.shape[0]
    scale = max(0.4, 0.5 * height / _HEIGHT)
    line = round(44 * scale)
    for number, text in enumerate(above):
        _write(shown, text, line * number, line, scale)
    if below:
        width = cv2.getTextSize(below, _FONT, scale, 1)[0][0] + line
        _write(shown, below, height - line, line, min(scale, scale * pixels.shape[1] / width))
    return shown


def _write(pixels: np.ndarray, text: str, top: int, line: int, scale: float) -> None:
    """Write a line on a dark ground, so that it can be read on anything."""
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    ground = pixels[max(0, top) : top + line, : width + line]
    cv2.convertScaleAbs(ground, ground, 0.4)
    cv2.putText(pixels, text, (line // 2, top + (line + height) // 2), _FONT, scale, _WHITE, 1, cv2.LINE_AA)
