"""Where training frames come from: folders of photographs and of clips, held in memory as uint8."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from reconet_cli.errors import TrainingError
from reconet_cli.model.tensors import to_tensor
from reconet_cli.styles.pictures import read_style_picture
from reconet_cli.system.pictures import read_rgb
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.video.probing.source import PHOTOGRAPH_SUFFIXES, PICTURE_SUFFIXES

PICTURES = frozenset({*PICTURE_SUFFIXES, *PHOTOGRAPH_SUFFIXES})
CLIPS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mts"})


# Shorter side in pixels of a style picture whose strokes are learned at scale 1.
STYLE_SIDE = 640
# Canvas, paper and compression leave grain of about a pixel, which is no brushwork; networks answer it with hatching.
_GRAIN = 1.0
# A longer style picture is made smaller instead: learning has to hold all of it in memory.
_MOST_ASPECT = 4


class PairSource(Protocol):
    """Something that yields a pair of frames for a random number generator."""

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """One pair of square frames with flow and mask."""
        ...


def read_picture(path: Path, short_side: int | None = None) -> np.ndarray:
    """A picture as RGB uint8 `(H, W, 3)`, its shorter side reduced to `short_side` if it is longer.

    Raises `TrainingError` if the file is no picture.
    """
    picture = read_rgb(path, TrainingError)
    return reduce_to(picture, short_side) if short_side else picture


def reduce_to(frame: np.ndarray, short_side: int) -> np.ndarray:
    """`frame` with its shorter side at most `short_side`, averaged down."""
    height, width = frame.shape[:2]
    factor = short_side / min(height, width)
    if factor >= 1:
        return frame
    return cv2.resize(frame, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)


def resize_to(frame: np.ndarray, short_side: int) -> np.ndarray:
    """`frame` with its shorter side exactly `short_side`: averaged down, or enlarged by cubic interpolation."""
    height, width = frame.shape[:2]
    factor = short_side / min(height, width)
    if factor <= 1:
        return reduce_to(frame, short_side)
    return cv2.resize(frame, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_CUBIC)


def style_picture(path: Path, scale: float = 1.0) -> Tensor:
    """The style picture `(1, 3, H, W)` in [0, 1] at the size its strokes are learned at, without its finest grain."""
    return style_tensor(read_style_picture(path), scale)


def style_tensor(pixels: np.ndarray, scale: float = 1.0) -> Tensor:
    """The same of pixels that are read already, RGB uint8 `(H, W, 3)`."""
    side, (short, long) = STYLE_SIDE * scale, sorted(pixels.shape[:2])
    picture = resize_to(pixels, round(side * min(1, _MOST_ASPECT * short / long)))
    return to_tensor(cv2.GaussianBlur(picture, (0, 0), _GRAIN))[None]


def find_files(paths: list[Path], suffixes: frozenset[str]) -> list[Path]:
    """Files with one of the suffixes, given or anywhere under a given folder, sorted.

    Hidden ones in folders are left out: they are what systems and programs keep beside pictures.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise TrainingError(f"no such data: {path}")
        candidates: Iterator[Path] = _shown(path) if path.is_dir() else iter([path])
        found.update(file for file in candidates if file.suffix.lower() in suffixes and file.is_file())
    return sorted(found)


def _shown(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not any(part[0] == "." for part in path.relative_to(folder).parts))
