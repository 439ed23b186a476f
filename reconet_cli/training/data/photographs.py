"""Photographs in exact synthetic motion: the way from one view to the other is known by construction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import overload

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reconet_cli.errors import TrainingError
from reconet_cli.model.tensors import to_tensor
from reconet_cli.system.processors import processors
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.data.sources import read_picture
from reconet_cli.training.synthetic.random_motion import (
    camera_noise,
    change_light,
    grid,
    random_flow,
    smooth_field,
    turn,
    uniform,
)
from reconet_cli.warping import inside_frame

# Photographs are kept at little more than the training size.
_MARGIN = 1.4
_SMALLEST_SIDE = 32
# Files that are read between two looks at whether to stop.
_AT_ONCE = 64
# The closest view shows this share of a photograph's shorter side: large frames are as smooth as that.
_CLOSEST = 0.3
# Faint texture that moves with the scene: the network learns to paint skies and walls, and to keep the paint there.
_LARGEST_GRAIN = 0.04


def _grain(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Smooth gray noise `(1, height, width)` with spots of 3 to 10 px."""
    spot = uniform(generator, 3, 10)
    knots = int(height / spot) + 2, int(width / spot) + 2
    return smooth_field(height, width, knots, generator) * _LARGEST_GRAIN * uniform(generator, 0, 1)


def _view(photo: Tensor, points: Tensor) -> Tensor:
    """Sample `photo` `(3, h, w)` at points `(2, H, W)` in its pixels; beyond its edge it continues mirrored."""
    height, width = photo.shape[-2:]
    # align_corners=False: -1 is the outer edge of the first pixel, so pixel center c lies at (2c + 1) / size - 1.
    where = torch.stack([(2 * points[0] + 1) / width - 1, (2 * points[1] + 1) / height - 1], -1)
    return F.grid_sample(photo[None], where[None], mode="bilinear", padding_mode="reflection", align_corners=False)[0]


Motion = Callable[[int, torch.Generator], Tensor]
Camera = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


def light_and_noise(previous: Tensor, current: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What changes between two frames `(3, H, W)` apart from motion."""
    return camera_noise(*change_light(previous, current, generator), generator)


def moving_pair(
    photo: Tensor,
    size: int,
    generator: torch.Generator,
    motion: Motion = random_flow,
    camera: Camera = light_and_noise,
) -> FramePairs:
    """One pair of `size`² frames from a photograph `(3, h, w)` in [0, 1], seen by a `camera` in `motion`.

    With T the view of the photograph and f the flow, the previous frame is photo∘T, the current photo∘T∘(id + f), so
    current(p) = previous(p + f(p)) wherever p + f(p) is in the frame. Light and noise change afterwards.
    """
    height, width = photo.shape[-2:]
    photo = photo + _grain(height, width, generator)
    scale = min(height, width) / size * uniform(generator, _CLOSEST, 1.0)
    half = scale * size / 2
    center = torch.tensor([
        uniform(generator, min(half, width / 2), max(width - half, width / 2)) - 0.5,
        uniform(generator, min(half, height / 2), max(height - half, height / 2)) - 0.5,
    ])  # fmt: skip
    mirror = torch.tensor([-1.0 if uniform(generator, 0, 1) < 0.5 else 1.0, 1.0])
    tilt = uniform(generator, -1, 1) * math.radians(6)

    def seen_from(points: Tensor) -> Tensor:
        return turn(points * mirror[:, None, None], tilt, scale) + center[:, None, None]

    points = grid(size)
    flow = motion(size, generator)
    previous, current = _view(photo, seen_from(points)), _view(photo, seen_from(points + flow))
    previous, current = camera(previous, current, generator)
    return FramePairs(previous[None], current[None], flow[None], inside_frame(flow[None]))


def kept_side(size: int) -> int:
    """The shorter side that photographs are reduced to for frames of a `size`: views of larger ones would alias."""
    return round(size * _MARGIN)


class PictureFiles(Sequence[np.ndarray]):
    """Photographs, uint8 `(H, W, 3)`, for training frames of a `size`.

    The first ones stay in memory, up to `kept_bytes`; all others are read whenever they are asked for. Files that are
    damaged or have less than 32 px a side are left out; where that shows late, the next file takes their place. `note`
    is told of damaged ones; once `should_stop`, the constructor raises `KeyboardInterrupt`.
    """

    def __init__(
        self,
        files: Sequence[Path],
        size: int,
        *,
        note: Callable[[str], None] = lambda sentence: None,
        should_stop: Callable[[], bool] = lambda: False,
        kept_bytes: int = 1 << 30,
    ) -> None:
        self._short_side = kept_side(size)
        self._kept: list[np.ndarray] = []
        seen, held = 0, 0
        with ThreadPoolExecutor(processors()) as pool:
            while seen < len(files) and held < kept_bytes:
                if should_stop():
                    raise KeyboardInterrupt
                some = files[seen : seen + _AT_ONCE]
                seen += len(some)
                for found in pool.map(self._read, some):
                    if isinstance(found, TrainingError):
                        note(f"left out: {found.message}")
                    elif found is not None:
                        self._kept.append(found)
                        held += found.nbytes
        self._others = files[seen:]

    def __len__(self) -> int:
        return len(self._kept) + len(self._others)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if index >= len(self):
            raise IndexError(index)
        if index < len(self._kept):
            return self._kept[index]
        later = index - len(self._kept)
        for file in (*self._others[later:], *self._others[:later]):
            if isinstance(found := self._read(file), np.ndarray):
                return found
        raise TrainingError("none of the pictures can be read any more", "are they where they were?")

    def _read(self, file: Path) -> np.ndarray | TrainingError | None:
        """A photograph, what is wrong with it, or None where it is too small."""
        try:
            picture = read_picture(file, self._short_side)
        except TrainingError as problem:
            return problem
        return picture if min(picture.shape[:2]) >= _SMALLEST_SIDE else None


class Photographs:
    """Photographs, uint8 `(H, W, 3)`, that are set in motion."""

    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """One photograph in exact synthetic motion."""
        index = int(torch.randint(len(self.pictures), (), generator=generator))
        return moving_pair(to_tensor(self.pictures[index]), size, generator)
