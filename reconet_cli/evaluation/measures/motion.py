"""tOF: whether a painted clip moves as its original does."""

from __future__ import annotations

import numpy as np


def motion_difference(painted: np.ndarray, source: np.ndarray) -> float:
    """`tOF = ‖OF(O_{t−1}, O_t) − OF(I_{t−1}, I_t)‖₁` of two flows `(2, H, W)`, in pixels.

    Chu et al., Learning Temporal Coherence via Self-Supervision for GAN-based Video Generation (TecoGAN), ACM TOG
    2020. The norm is that of the authors' program: the length of the two flows' difference, averaged over all pixels.
    """
    return float(np.hypot(*(painted - source)).mean(dtype=np.float64))
