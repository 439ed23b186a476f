"""Frames from the blocks of 2×2 pixels that networks end in."""

from __future__ import annotations

import numpy as np


def depth_to_space(blocks: np.ndarray, height: int, width: int) -> np.ndarray:
    """The frame `(height, width, 3)` in memory of its own from blocks `(h, w, 12)`, uint8 or uint16."""
    down, right = blocks.shape[:2]
    # A row of a block is six values or three pairs, which numpy copies in half as many steps.
    pairs = blocks.view(f"u{2 * blocks.itemsize}").reshape(down, right, 2, 3)
    frame = np.empty((down, 2, right, 3), pairs.dtype)
    for row in range(2):
        for pair in range(3):
            frame[:, row, :, pair] = pairs[:, :, row, pair]
    return np.ascontiguousarray(frame.view(blocks.dtype).reshape(2 * down, 2 * right, 3)[:height, :width])
