"""Sharpness: so that a blurred clip cannot pass for a steady one."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.video.ffmpeg.pixels import LUMA


def sharpness(frame: np.ndarray) -> float:
    """Mean absolute Laplacian of the luma of an RGB uint8 frame `(H, W, 3)`, in code values (of 255).

    The Laplacian is the sum of the four neighbors minus four times the pixel; the picture is mirrored beyond its
    border. It only means something beside another clip's of the same size, and noise counts as sharpness too.
    """
    luma = cv2.transform(frame.astype(np.float32), LUMA)
    return float(np.abs(cv2.Laplacian(luma, cv2.CV_32F)).mean(dtype=np.float64))
