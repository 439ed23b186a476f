"""How much of the original a painting keeps: its structure, and its light and shade."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.video.ffmpeg.pixels import LUMA

# Longer side at which structure and tone are compared.
_STRUCTURE_SIDE = 320
_TONE_SIDE = 40
_SIGMA = 3.0
_C = 0.03**2 / 2
_EPS = 1e-8


def structure(painted: np.ndarray, source: np.ndarray) -> float:
    """`structure_map`, averaged over the picture: 1 is all of the source's structure, 0 none of it."""
    return float(structure_map(painted, source).mean())


def structure_map(painted: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The structure term of SSIM, `(σ_xy + C) / (σ_x·σ_y + C)` (Wang et al., IEEE TIP 2004, eq. 10), `(h, w)`.

    RGB uint8 frames `(H, W, 3)` of one size; luma in [0, 1], averaged down to a longer side of 320; Gaussian windows of
    σ = 3 pixels.
    """
    x, y = (_luma(frame, _STRUCTURE_SIDE) for frame in (painted, source))
    mean_x, mean_y = _blur(x), _blur(y)
    spread_x, spread_y = (np.sqrt(np.maximum(_blur(v * v) - mean * mean, 0)) for v, mean in ((x, mean_x), (y, mean_y)))
    together = _blur(x * y) - mean_x * mean_y
    term: np.ndarray = (together + _C) / (spread_x * spread_y + _C)
    return term


def tone(painted: np.ndarray, source: np.ndarray) -> float:
    """Pearson's correlation of the luma of two RGB uint8 frames `(H, W, 3)`, averaged down to a longer side of 40."""
    x, y = (_luma(frame, _TONE_SIDE) for frame in (painted, source))
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).mean() / (np.sqrt((x * x).mean() * (y * y).mean()) + _EPS))


def _luma(frame: np.ndarray, side: int) -> np.ndarray:
    height, width = frame.shape[:2]
    factor = min(1.0, side / max(height, width))
    size = max(1, int(width * factor)), max(1, int(height * factor))
    luma: np.ndarray = cv2.resize(cv2.transform(frame.astype(np.float32), LUMA), size, interpolation=cv2.INTER_AREA)
    return luma.astype(np.float64) / 255


def _blur(values: np.ndarray) -> np.ndarray:
    blurred: np.ndarray = cv2.GaussianBlur(values, (0, 0), _SIGMA)
    return blurred
