"""Whether a network fits into memory: what it needs, estimated."""

from __future__ import annotations

import math
from typing import Any

# Bytes a pixel that the rest of a job takes: frames that wait, and the encoder, which looks at many at once.
_ELSEWHERE = 90
# Bytes a value of the widest map while it is computed, and bytes a pixel of the frame in its other forms. OpenVINO: a
# convolution's result in float; then the norm's and a padded one, in bytes for int8. PyTorch keeps more of both.
_NEEDS = {"int8": (6, 12), "float": (12, 12), "torch": (14, 76)}


def frames_that_fit(config: dict[str, Any], height: int, width: int, way: str, free: int | None) -> int | None:
    """How many frames may be painted at a time in `free` bytes (None: unknown, then None); 0: none as a whole.

    `config` is a weights file's; `way` is `int8` or `float` (both on OpenVINO), or `torch`.
    """
    if free is None:
        return None
    pixels = height * width
    return max(0, free - pixels * _ELSEWHERE) // (pixels * bytes_per_pixel(config, way))


def size_that_fits(config: dict[str, Any], height: int, width: int, way: str, free: int) -> tuple[int, int]:
    """The largest (width, height) of the same shape, even, of which one frame can be painted in `free` bytes."""
    pixels = free / (_ELSEWHERE + bytes_per_pixel(config, way))
    factor = math.sqrt(pixels / (height * width))
    return max(2, int(width * factor) // 2 * 2), max(2, int(height * factor) // 2 * 2)


def bytes_per_pixel(config: dict[str, Any], way: str) -> int:
    """What painting a frame as a whole needs at most, by its widest layer; measured within a third."""
    # The fast network's widest maps are half as high and wide as the frame.
    channels: float = config["channels"][0] / (1 if config["family"] == "paper" else 4)
    value, pixel = _NEEDS[way]
    return round(channels * value + pixel)
