"""Pictures and masks from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.system.pictures import read_gray, read_rgb


def read_frame(path: Path) -> np.ndarray:
    """A picture as RGB uint8 `(H, W, 3)`. Raises `FlowError` for a missing, foreign or damaged file."""
    return read_rgb(path, FlowError)


def read_mask(path: Path) -> np.ndarray:
    """Where a gray or black-and-white picture is not black, bool `(H, W)`. Raises `FlowError` as `read_frame` does."""
    return read_gray(path, FlowError) > 0
