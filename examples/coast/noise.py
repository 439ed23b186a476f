"""Sampling and noise that the maps of the coast are made from and looked up with."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

# float32 throughout; numpy's type stubs lose the width in most arithmetic, so it is not spelled out.
Array: TypeAlias = NDArray[Any]


def smoothstep(low: float, high: float, x: Array) -> Array:
    """Hermite step from 0 at ``low`` to 1 at ``high``."""
    s = np.clip((x - low) / np.float32(high - low), 0, 1)
    return s * s * (3 - 2 * s)


def mix(a: Array | float, b: Array | float, amount: Array) -> Array:
    """Linear blend from ``a`` to ``b``."""
    return a + (b - a) * amount


def sample(texture: Array, u: Array, v: Array) -> Array:
    """Bilinear lookup at the pixel coordinates ``u``, ``v`` of shape (N,): (N,) or (C, N) for C channels."""
    # cv2.remap takes no side longer than 32767, so the list of points is folded into rows.
    columns = 1024
    rows = max(1, -(-u.size // columns))
    grid = np.zeros((2, rows * columns), np.float32)
    grid[0, : u.size], grid[1, : u.size] = u, v
    x, y = grid.reshape(2, rows, columns)
    found = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = found.reshape(rows * columns, -1)[: u.size].T
    return np.ascontiguousarray(found[0] if texture.ndim == 2 else found)


def sample_tile(tile: Array, u: Array, v: Array) -> Array:
    """Bilinear lookup in a periodic tile whose last row and column repeat the first."""
    size = np.float32(tile.shape[0] - 1)
    return sample(tile, np.mod(u, size), np.mod(v, size))


def noise(rng: np.random.Generator, scale: float, shape: tuple[int, int]) -> Array:
    """Smooth noise in about [-1, 1] with features of ``scale`` pixels."""
    rows, columns = (int(np.ceil(side / scale)) + 4 for side in shape)
    grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    full = cv2.resize(grid, (int(columns * scale), int(rows * scale)), interpolation=cv2.INTER_CUBIC)
    return full[int(scale) :, int(scale) :][: shape[0], : shape[1]]


def fractal(rng: np.random.Generator, shape: tuple[int, int], scale: float, octaves: int) -> Array:
    """Sum of octaves of :func:`noise`, each half as large and half as strong as the one before."""
    total = noise(rng, scale, shape)
    for i in range(1, octaves):
        total = total + noise(rng, scale / 2**i, shape) * np.float32(0.5**i)
    return total


def ridges(rng: np.random.Generator, shape: tuple[int, int], scale: float, octaves: int) -> Array:
    """Ridged fractal noise in about [0, 1]: sharp crests, each octave strongest on the crests above it."""
    total = np.zeros(shape, np.float32)
    weight = np.ones_like(total)
    for i in range(octaves):
        crest = (1 - np.abs(noise(rng, scale / 2**i, shape))) ** 2
        total += crest * weight * np.float32(0.55**i)
        weight = np.clip(crest * 1.6, 0, 1)
    return total / 1.9


def periodic_tile(seed: int, size: int, low: float, high: float, wind: float = 0.0) -> Array:
    """Periodic noise of unit variance, ``low`` to ``high`` waves a side, aligned along y by ``wind``."""
    rng = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(size, 1 / size)
    fx, fy = np.meshgrid(frequency, frequency)
    radius = np.hypot(fx, fy) + 1e-6
    power = ((radius >= low) & (radius <= high)) * radius**-1.5 * (np.abs(fy) / radius) ** wind
    spectrum = np.fft.fft2(rng.standard_normal((size, size))) * power
    tile = np.fft.ifft2(spectrum).real
    tile = (tile / tile.std()).astype(np.float32)
    return np.pad(tile, ((0, 1), (0, 1)), mode="wrap")


def wave_slopes(seed: int, low: float, high: float) -> Array:
    """Periodic map of the two slopes of a water surface, unit variance together: (513, 513, 2)."""
    surface = periodic_tile(seed, 512, low, high, wind=2.0)[:-1, :-1]
    slopes = np.stack([np.roll(surface, -1, axis) - np.roll(surface, 1, axis) for axis in (1, 0)], axis=-1)
    slopes /= np.sqrt((slopes**2).sum(-1).mean())
    return np.ascontiguousarray(np.pad(slopes, ((0, 1), (0, 1), (0, 0)), mode="wrap"))
