"""Frame pairs with exact motion: a photograph seen twice, the way from one view to the other known by construction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from reconet_cli.warping import inside_frame

# Share of pairs without motion: fixed cameras are common, and flicker shows most on them.
_STILL = 0.15
_LARGEST_SHIFT = 0.08
_LARGEST_TURN = math.radians(4)
_LARGEST_ZOOM = 0.05
_LARGEST_BEND = 0.012
_LARGEST_GAIN = 0.12
_LARGEST_NOISE = 0.015
# The closest view shows this share of a photograph's shorter side: large frames are as smooth as that.
_CLOSEST = 0.3
# Faint texture that moves with the scene: the network learns to paint skies and walls, and to keep the paint there.
_LARGEST_GRAIN = 0.04


@dataclass(frozen=True)
class FramePairs:
    """A batch: `previous`, `current` `(N, 3, H, W)` in [0, 1]; `flow` current→previous in pixels; visibility `mask`."""

    previous: Tensor
    current: Tensor
    flow: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> FramePairs:
        """The same batch on a device."""
        return FramePairs(*(t.to(device) for t in (self.previous, self.current, self.flow, self.mask)))


def join(pairs: list[FramePairs]) -> FramePairs:
    """Put batches of one size together."""
    return FramePairs(
        torch.cat([pair.previous for pair in pairs]),
        torch.cat([pair.current for pair in pairs]),
        torch.cat([pair.flow for pair in pairs]),
        torch.cat([pair.mask for pair in pairs]),
    )


def _uniform(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _grid(size: int) -> Tensor:
    """Pixel centres relative to the middle of a square, `(2, size, size)`, x first."""
    axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])


def _turn(points: Tensor, angle: float, scale: float) -> Tensor:
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return torch.stack([cosine * points[0] - sine * points[1], sine * points[0] + cosine * points[1]])


def random_flow(size: int, generator: torch.Generator) -> Tensor:
    """A smooth random flow `(2, size, size)` in pixels: shift, turn, zoom and a gentle bend; sometimes none at all."""
    if _uniform(generator, 0, 1) < _STILL:
        return torch.zeros(2, size, size)
    # Squaring favours small motion, which most video has.
    strength = _uniform(generator, 0, 1) ** 2
    points = _grid(size)
    angle = _uniform(generator, -1, 1) * _LARGEST_TURN * strength
    zoom = 1 + _uniform(generator, -1, 1) * _LARGEST_ZOOM * strength
    direction = _uniform(generator, 0, 2 * math.pi)
    reach = strength * _LARGEST_SHIFT * size
    shift = torch.tensor([reach * math.cos(direction), reach * math.sin(direction)])
    knots = torch.randn(1, 2, 5, 5, generator=generator) * _LARGEST_BEND * size * _uniform(generator, 0, 1)
    bend = F.interpolate(knots, size=(size, size), mode="bicubic", align_corners=True)[0]
    return _turn(points, angle, zoom) - points + shift[:, None, None] + bend


def _grain(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Smooth grey noise `(1, height, width)` with spots of 3 to 10 px."""
    spot = _uniform(generator, 3, 10)
    knots = torch.randn(1, 1, int(height / spot) + 2, int(width / spot) + 2, generator=generator)
    smooth = F.interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)[0]
    return smooth * _LARGEST_GRAIN * _uniform(generator, 0, 1)


def _view(photo: Tensor, points: Tensor) -> Tensor:
    """Sample `photo` `(3, h, w)` at points `(2, H, W)` in its pixels; beyond its edge it continues mirrored."""
    height, width = photo.shape[-2:]
    # align_corners=False: -1 is the outer edge of the first pixel, so pixel centre c lies at (2c + 1) / size - 1.
    grid = torch.stack([(2 * points[0] + 1) / width - 1, (2 * points[1] + 1) / height - 1], -1)
    return F.grid_sample(photo[None], grid[None], mode="bilinear", padding_mode="reflection", align_corners=False)[0]


def moving_pair(photo: Tensor, size: int, generator: torch.Generator) -> FramePairs:
    """One pair of `size`² frames from a photograph `(3, h, w)` in [0, 1].

    With T the view of the photograph and f the flow, the previous frame is photo∘T, the current photo∘T∘(id + f), so
    current(p) = previous(p + f(p)) wherever p + f(p) is in the frame. Light and noise change afterwards.
    """
    height, width = photo.shape[-2:]
    photo = photo + _grain(height, width, generator)
    scale = min(height, width) / size * _uniform(generator, _CLOSEST, 1.0)
    half = scale * size / 2
    centre = torch.tensor([
        _uniform(generator, min(half, width / 2), max(width - half, width / 2)) - 0.5,
        _uniform(generator, min(half, height / 2), max(height - half, height / 2)) - 0.5,
    ])  # fmt: skip
    mirror = torch.tensor([-1.0 if _uniform(generator, 0, 1) < 0.5 else 1.0, 1.0])
    tilt = _uniform(generator, -1, 1) * math.radians(6)

    def seen_from(points: Tensor) -> Tensor:
        return _turn(points * mirror[:, None, None], tilt, scale) + centre[:, None, None]

    points = _grid(size)
    flow = random_flow(size, generator)
    previous, current = _view(photo, seen_from(points)), _view(photo, seen_from(points + flow))
    gain = 1 + _uniform(generator, -1, 1) * _LARGEST_GAIN * _uniform(generator, 0, 1)
    noise = _LARGEST_NOISE * _uniform(generator, 0, 1) ** 2
    previous = previous + noise * torch.randn(previous.shape, generator=generator)
    current = current * gain + noise * torch.randn(current.shape, generator=generator)
    return FramePairs(previous[None].clamp(0, 1), current[None].clamp(0, 1), flow[None], inside_frame(flow[None]))
