"""Motion between neighboring frames at half their size, quickly."""

from __future__ import annotations

import cv2
import numpy as np

_SMALLEST = 32  # px: below, OpenCV's DIS returns noise or crashes
_LARGEST = 32000  # px: above, its refinement raises an error
_REDUCED = 4  # a search in frames of this part of the size finds fast motion; iterations cost little there


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
    the place of variational refinement at each scale, in a fraction of its time.
    """

    def __init__(self) -> None:
        self._search = _search(6, 5)

    def __call__(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Flow current→previous, float32 `(H, W, 2)` in pixels, of two uint8 `(H, W)`."""
        flow: np.ndarray
        flow = self._search.calc(_enlarged(current), _enlarged(previous), None)  # type: ignore[call-overload]
        return _resized(_smooth(flow), current.shape)


class ContinuedMotion:
    """Motion along a clip, more precise than `Motion`: fast things are found by how they moved before.

    Small frames are searched first, where many iterations cost little, with the flow of the previous pair of frames as
    another candidate. The search of the frames themselves has that result as a candidate. At the end the smoothed flow
    is refined once by a variational method, which is worth its time where strokes are carried.
    """

    def __init__(self) -> None:
        self._coarse, self._search = _search(12, 4), _search(6, 6)
        self._refinement = cv2.VariationalRefinement.create()
        self._refinement.setFixedPointIterations(1)
        self._refinement.setSorIterations(4)

    def __call__(self, current: np.ndarray, previous: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Flow current→previous, float32 `(H, W, 2)` in pixels, of two uint8 `(H, W)`.

        `before` is the flow of the pair before, of the same shape.
        """
        now, then = _enlarged(current), _enlarged(previous)
        coarse = _search_from(self._coarse, _reduced(now), _reduced(then), before)
        x, y = cv2.split(_search_from(self._search, now, then, coarse))
        self._refinement.calcUV(now, then, x, y)
        return _resized(cv2.merge((x, y)), current.shape)


def _search(iterations: int, stride: int) -> cv2.DISOpticalFlow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(0)
    search.setPatchStride(stride)
    search.setGradientDescentIterations(iterations)
    search.setVariationalRefinementIterations(0)
    return search


def _search_from(search: cv2.DISOpticalFlow, current: np.ndarray, previous: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Flow current→previous, with one of any size as another candidate."""
    # OpenCV writes over the flow that it begins with.
    return _smooth(search.calc(current, previous, _resized(flow, current.shape).copy()))


def _enlarged(luma: np.ndarray) -> np.ndarray:
    """At least as large as OpenCV needs it."""
    scale = _SMALLEST / min(luma.shape)
    if scale <= 1:
        return luma
    height, width = (min(max(_SMALLEST, round(side * scale)), _LARGEST) for side in luma.shape)
    return cv2.resize(luma, (width, height), interpolation=cv2.INTER_LINEAR)


def _reduced(luma: np.ndarray) -> np.ndarray:
    """A part of the size, and still as large as OpenCV needs it."""
    height, width = (max(_SMALLEST, side // _REDUCED) for side in luma.shape)
    return cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)


def _resized(flow: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Flow `(h, w, 2)` for frames of another `(H, W)`, or itself."""
    height, width = flow.shape[:2]
    if (height, width) == shape:
        return flow
    scale = np.array([shape[1] / width, shape[0] / height], np.float32)
    if shape[0] < height:
        return cv2.resize(flow, shape[::-1], interpolation=cv2.INTER_AREA) * scale
    return cv2.resize(flow * scale, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _smooth(flow: np.ndarray) -> np.ndarray:
    return cv2.blur(cv2.merge([cv2.medianBlur(part, 3) for part in cv2.split(flow)]), (5, 5))
