"""What is learned from a picture that is given as a style, and in what time; plain data, without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from reconet_cli.styles.pictures import StylePicture
from reconet_cli.training.settings import PRESETS

VARIANT = "fast"
# What tells a style from others of the same picture.
SETTINGS = {
    "variant": VARIANT, "norm": "instance", "style_scale": 1.0, "paper_layers": False,
    "weights": asdict(PRESETS["normal"]),
}  # fmt: skip
# Seconds for a first look, so that the first frame is painted after 45 (on a GPU 10): converting the network follows.
_USUAL, _USUAL_GPU = 37.0, 5.0


def usual_seconds(device: str) -> float:
    """How long a picture is learned where nobody says, on a device."""
    return _USUAL_GPU if device.startswith("cuda") else _USUAL


@dataclass(frozen=True)
class Lesson:
    """What to learn: a picture, within `seconds` that `began` (by the monotonic clock) before PyTorch was loaded.

    `frames`, RGB uint8 `(H, W, 3)`, are of what is about to be painted. `start` are the weights to begin with, those of
    the style itself where it `goes_on`.
    """

    picture: StylePicture
    seconds: float
    began: float
    frames: Sequence[np.ndarray]
    start: Path
    goes_on: bool
