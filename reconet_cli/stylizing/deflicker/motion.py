"""Motion between neighboring frames at half their size, quickly."""

from __future__ import annotations

import cv2
import numpy as np

_SMALLEST = 32  # px: below, OpenCV's DIS returns noise or crashes
_FS, _ST, _FP, _GD, _SOR, _ALPHA, _DELTA, _GAMMA, _PRE = 0, 5, 1, 5, 4, 20, 5, 10, 1
_LARGEST = 32000  # px: above, its refinement raises an error


def half_luma(frame: np.ndarray) -> np.ndarray:
    """Luma of RGB `(H, W, 3)`, uint8 or uint16, as uint8 `(ceil(H/2), ceil(W/2))`; odd edges are repeated."""
    return half_size(frame)[0]


def half_size(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma `(h, w)` and chroma `(h, w, 2)` of RGB `(H, W, 3)`, uint8 or uint16, as uint8; h and w are half, rounded up.

    Odd edges are repeated.
    """
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    half = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = half if half.dtype == np.uint8 else cv2.convertScaleAbs(half, alpha=1 / 257)
    luma, *chroma = cv2.split(cv2.cvtColor(half, cv2.COLOR_RGB2YCrCb))
    return luma, cv2.merge(chroma)


class Motion:
    """Dense inverse search (Kroeger et al., ECCV 2016) down to the finest scale.

    Half the size and every pixel of it: stopping at coarser scales, as OpenCV's presets do, is faster and loses half of
    the steadiness, because a tenth of a pixel matters where brush strokes have sharp edges. For the same reason strokes
    are worth its variational refinement. Without it, a median and a mean take its place in a fraction of its time.
    """

    def __init__(self, refined: bool = True) -> None:
        self._refined = refined
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        dis.setFinestScale(_FS)
        dis.setPatchStride(_ST)
        dis.setGradientDescentIterations(_GD)
        dis.setVariationalRefinementIterations(0)
        self._dis = dis
        self._refinement = cv2.VariationalRefinement.create()
        self._refinement.setFixedPointIterations(_FP)
        self._refinement.setSorIterations(_SOR)
        self._refinement.setAlpha(_ALPHA)
        self._refinement.setDelta(_DELTA)
        self._refinement.setGamma(_GAMMA)

    def __call__(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Flow current→previous, float32 `(H, W, 2)` in pixels, of two uint8 `(H, W)`."""
        height, width = current.shape
        scale = _SMALLEST / min(height, width)
        if scale <= 1:
            return self._calculate(current, previous)
        size = [min(max(_SMALLEST, round(side * scale)), _LARGEST) for side in (width, height)]
        large = (cv2.resize(luma, size, interpolation=cv2.INTER_LINEAR) for luma in (current, previous))
        flow = cv2.resize(self._calculate(*large), (width, height), interpolation=cv2.INTER_AREA)
        return flow * np.float32([width / size[0], height / size[1]])

    def _calculate(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        flow: np.ndarray = self._dis.calc(current, previous, None)  # type: ignore[call-overload]
        if not self._refined:
            return _smooth(flow)
        if _PRE: flow = _smooth(flow)
        x, y = cv2.split(flow)
        self._refinement.calcUV(current, previous, x, y)
        return cv2.merge((x, y))


def _smooth(flow: np.ndarray) -> np.ndarray:
    return cv2.blur(cv2.merge([cv2.medianBlur(part, 5) for part in cv2.split(flow)]), (5, 5))
