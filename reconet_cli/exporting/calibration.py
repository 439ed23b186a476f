"""Ranges for int8, from the frames that the engine calibrates on."""

from __future__ import annotations

from typing import Any

import numpy as np

from reconet_cli.engines.openvino.model import calibration_frames
from reconet_cli.engines.openvino.quantize import input_ranges


def ranges(core: Any, model: Any, byte_frames: bool) -> list[tuple[float, float]]:
    """The range of what goes into each convolution of an `openvino.Model` that takes frames as bytes or floats."""
    frames = calibration_frames()
    return input_ranges(core, model, frames if byte_frames else [as_float(frame) for frame in frames])


def as_float(frames: np.ndarray) -> np.ndarray:
    """Frames `(1, H, W, 3)` uint8 as images `(1, 3, H, W)` float32 in [0, 1]."""
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2), np.float32) / 255
