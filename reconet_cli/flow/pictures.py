"""Pictures and masks from files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from reconet_cli.errors import FlowError


def _decode(path: Path, mode: int) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except FileNotFoundError:
        raise FlowError(f"{path} is missing") from None
    except OSError as problem:
        raise FlowError(f"cannot read {path}: {problem.strerror or problem}") from problem
    try:
        picture = cv2.imdecode(data, mode) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise FlowError(f"{path} is no picture, or it is damaged or cut off", "copy it again")
    return picture


def read_frame(path: Path) -> np.ndarray:
    """A picture as RGB uint8 `(H, W, 3)`; grey ones get three equal channels.

    Raises `FlowError` for a missing, foreign or damaged file.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def read_mask(path: Path) -> np.ndarray:
    """Where a grey or black-and-white picture is not black, bool `(H, W)`. Raises `FlowError` as `read_frame` does."""
    return _decode(path, cv2.IMREAD_GRAYSCALE) > 0
