"""Motion between neighboring frames at half their size, quickly."""

from __future__ import annotations

import cv2
import numpy as np

_SMALLEST = 32  # px: below, OpenCV's DIS returns noise or crashes


def half_luma(frame: np.ndarray) -> np.ndarray:
    """Luma of RGB `(H, W, 3)`, uint8 or uint16, as uint8 `(ceil(H/2), ceil(W/2))`; odd edges are repeated."""
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    if height % 2 or width % 2:
        luma = cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    half = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return half if half.dtype == np.uint8 else cv2.convertScaleAbs(half, alpha=1 / 257)


class Motion:
    """Dense inverse search (Kroeger et al., ECCV 2016) down to the finest scale, smoothed.

    Half the size and every pixel of it: stopping at coarser scales, as OpenCV's presets do, is faster and loses half of
    the steadiness, because a tenth of a pixel matters where brush strokes have sharp edges. A median and a mean take
    the place of its variational refinement, in a fraction of its time.
    """

    def __init__(self) -> None:
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        dis.setFinestScale(0)
        dis.setPatchStride(5)
        dis.setGradientDescentIterations(6)
        dis.setVariationalRefinementIterations(0)
        self._dis = dis

    def __call__(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Flow current→previous, float32 `(H, W, 2)` in pixels, of two uint8 `(H, W)`."""
        return _smooth(self._estimate(current, previous))

    def _estimate(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        height, width = current.shape
        scale = _SMALLEST / min(height, width)
        if scale <= 1:
            return self._calculate(current, previous)
        size = (max(_SMALLEST, round(width * scale)), max(_SMALLEST, round(height * scale)))
        large = (cv2.resize(luma, size, interpolation=cv2.INTER_LINEAR) for luma in (current, previous))
        flow = cv2.resize(self._calculate(*large), (width, height), interpolation=cv2.INTER_AREA)
        scaled: np.ndarray = flow / np.float32(scale)
        return scaled

    def _calculate(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        flow: np.ndarray = self._dis.calc(current, previous, None)  # type: ignore[call-overload]
        return flow


def _smooth(flow: np.ndarray) -> np.ndarray:
    return cv2.blur(cv2.merge([cv2.medianBlur(part, 5) for part in cv2.split(flow)]), (5, 5))
