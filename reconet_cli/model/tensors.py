"""Frames as networks take them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_tensor(frame: np.ndarray) -> Tensor:
    """uint8 `(H, W, 3)` to float32 `(3, H, W)` in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1).float() / 255
