"""Random smooth motion, light and camera noise that make a pair of frames out of one scene."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Share of pairs without motion: fixed cameras are common, and flicker shows most on them.
_STILL = 0.15
_LARGEST_SHIFT = 0.08
_LARGEST_TURN = math.radians(4)
_LARGEST_ZOOM = 0.05
_LARGEST_BEND = 0.012
_LARGEST_GAIN = 0.12
_LARGEST_NOISE = 0.015
_LARGEST_SHADE = 0.2


def uniform(generator: torch.Generator, low: float, high: float) -> float:
    """A random number from `low` to `high`."""
    return low + (high - low) * torch.rand((), generator=generator).item()


def grid(size: int) -> Tensor:
    """Pixel centers relative to the middle of a square, `(2, size, size)`, x first."""
    axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])


def turn(points: Tensor, angle: float, scale: float) -> Tensor:
    """Points `(2, H, W)` turned by an angle in radians and scaled about the origin."""
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return torch.stack([cosine * points[0] - sine * points[1], sine * points[0] + cosine * points[1]])


def random_flow(size: int, generator: torch.Generator) -> Tensor:
    """A smooth random flow `(2, size, size)` in pixels: shift, turn, zoom and a gentle bend; sometimes none at all."""
    if uniform(generator, 0, 1) < _STILL:
        return torch.zeros(2, size, size)
    # Squaring favors small motion, which most video has.
    strength = uniform(generator, 0, 1) ** 2
    points = grid(size)
    angle = uniform(generator, -1, 1) * _LARGEST_TURN * strength
    zoom = 1 + uniform(generator, -1, 1) * _LARGEST_ZOOM * strength
    direction = uniform(generator, 0, 2 * math.pi)
    reach = strength * _LARGEST_SHIFT * size
    shift = torch.tensor([reach * math.cos(direction), reach * math.sin(direction)])
    knots = torch.randn(1, 2, 5, 5, generator=generator) * _LARGEST_BEND * size * uniform(generator, 0, 1)
    bend = F.interpolate(knots, size=(size, size), mode="bicubic", align_corners=True)[0]
    return turn(points, angle, zoom) - points + shift[:, None, None] + bend


def smooth_field(height: int, width: int, knots: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Smooth noise `(1, height, width)` of about unit variance with `knots` spots down and across."""
    coarse = torch.randn(1, 1, *knots, generator=generator)
    return F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)[0]


def change_light(previous: Tensor, current: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shade two frames `(3, H, W)` by a light that moves on a little, and change the brightness of the second."""
    height, width = current.shape[-2:]
    strength = _LARGEST_SHADE * uniform(generator, 0, 1) ** 2
    shade, other = (smooth_field(height, width, (4, 4), generator) for _ in range(2))
    moved = torch.lerp(shade, other, uniform(generator, 0, 0.3))
    gain = 1 + uniform(generator, -1, 1) * _LARGEST_GAIN * uniform(generator, 0, 1)
    return previous * (1 + strength * shade), current * gain * (1 + strength * moved)


def camera_noise(previous: Tensor, current: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add a camera's noise to two frames, another to each, and keep them in [0, 1]."""
    level = _LARGEST_NOISE * uniform(generator, 0, 1) ** 2
    noisy = (frame + level * torch.randn(frame.shape, generator=generator) for frame in (previous, current))
    before, now = (frame.clamp(0, 1) for frame in noisy)
    return before, now
