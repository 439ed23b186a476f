"""Optical flow estimators behind one function."""

from __future__ import annotations

import cv2
import numpy as np

_DIS = {
    "dis-ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "dis-fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "dis-medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
METHODS = tuple(_DIS)
# DIS cannot build its pyramid on less.
_SMALLEST_SIDE = 16


def estimate_flow(a: np.ndarray, b: np.ndarray, method: str = "dis-medium") -> np.ndarray:
    """Flow a→b as float32 `(2, H, W)` in pixels, from two RGB uint8 frames `(H, W, 3)` of one size.

    DIS: Kroeger et al., ECCV 2016, as in OpenCV. Raises `ValueError` for frames that do not pair or an unknown method.
    """
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3:
        raise ValueError(f"frames must be RGB and of one size, not {a.shape} and {b.shape}")
    if min(a.shape[:2]) < _SMALLEST_SIDE:
        raise ValueError(f"frames must be at least {_SMALLEST_SIDE} px wide and high, not {a.shape[1]}x{a.shape[0]}")
    if method not in _DIS:
        raise ValueError(f"unknown flow method {method!r}, expected one of {', '.join(METHODS)}")
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (a, b)]
    # OpenCV's type hints ask for a field to write into; it makes its own when given none.
    flow = cv2.DISOpticalFlow.create(_DIS[method]).calc(grey[0], grey[1], None)  # type: ignore[call-overload]
    return np.ascontiguousarray(flow.transpose(2, 0, 1))
