"""Frames made brighter, darker or of another color by what was found out."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.alone.measuring import DARK

_NOTHING = 0.001  # a logarithm that nobody sees


def corrected(frame: np.ndarray, logarithms: np.ndarray) -> np.ndarray:
    """RGB `(H, W, 3)`, uint8 or uint16, with `logarithms` `(h, w, 3)` of any size added to those of its values."""
    if np.abs(logarithms).max() < _NOTHING:
        return frame
    height, width = frame.shape[:2]
    most = float(np.iinfo(frame.dtype).max)
    gains = cv2.resize(np.expm1(logarithms.astype(np.float32)), (width, height), interpolation=cv2.INTER_LINEAR)
    depth = cv2.CV_8U if frame.dtype == np.uint8 else cv2.CV_16U
    return cv2.add(frame, (frame + np.float32(DARK / 255 * most)) * gains, dtype=depth)
