"""Picture files as arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

# Called with what is wrong and what to do about it.
Problem = Callable[[str, str], Exception]


def read_rgb(path: Path, error: Problem) -> np.ndarray:
    """A picture as RGB uint8 `(H, W, 3)`; grey ones get three equal channels.

    A missing, foreign or damaged file is raised as the caller's kind of `error`.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR, error), cv2.COLOR_BGR2RGB)


def read_grey(path: Path, error: Problem) -> np.ndarray:
    """The same as uint8 `(H, W)`, colours as their luma."""
    return _decode(path, cv2.IMREAD_GRAYSCALE, error)


def _decode(path: Path, mode: int, error: Problem) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except FileNotFoundError:
        raise error(f"{path} is missing", "") from None
    except OSError as problem:
        raise error(f"cannot read {path}: {problem.strerror or problem}", "") from problem
    try:
        picture = cv2.imdecode(data, mode) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise error(f"{path} is no picture, or it is damaged or cut off", "JPEG, PNG, WebP, BMP and TIFF can be read")
    return picture
