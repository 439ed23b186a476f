"""Surfaces from nothing, with the statistics of photographs: what procedural scenes are made of."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

# Canvases are drawn at twice their size and averaged down, which smooths every edge.
_OVERSAMPLING = 2
_MOST_LEAVES = 2500
_KINDS = ("leaves", "cloud", "sky", "bands")
_SHARES = (0.5, 0.2, 0.12, 0.18)


def canvas(side: int, seed: int) -> np.ndarray:
    """A square RGB uint8 picture `(side, side, 3)` of one of four kinds; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(_KINDS, p=_SHARES)
    picture = {"leaves": _leaves, "cloud": _cloud, "sky": _sky, "bands": _bands}[kind](side, rng)
    if rng.random() < 0.3:
        # Out of focus, as backgrounds often are.
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 0.01 * side))
    return (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def shape(side: int, seed: int) -> np.ndarray:
    """The outline of a thing: coverage as uint8 `(side, side)`, 0 at the border, smooth at the edge."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    kind = rng.choice(("blob", "box", "limbs", "foliage"), p=(0.45, 0.2, 0.2, 0.15))
    if kind == "foliage":
        mask = _foliage(side, rng)
    elif kind == "limbs":
        points = np.cumsum(rng.normal(0, 0.16 * side, (6, 2)), 0)
        points += side / 2 - points.mean(0)
        width = int(side * rng.uniform(0.02, 0.1))
        cv2.polylines(mask, [np.int32(points)], False, 255, max(1, width), cv2.LINE_AA)
    else:
        points = _box(rng) if kind == "box" else _blob(rng)
        cv2.fillPoly(mask, [np.int32((points * 0.46 + 0.5) * side * 16)], 255, cv2.LINE_AA, shift=4)
    margin = max(2, side // 50)
    mask[:margin] = mask[-margin:] = 0
    mask[:, :margin] = mask[:, -margin:] = 0
    return mask


def _blob(rng: np.random.Generator) -> np.ndarray:
    """A closed smooth outline in [-1, 1]²: a circle with a few harmonics."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = np.ones_like(angle)
    for order in range(2, 9):
        radius += rng.normal(0, 0.5 / order**1.3) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius = np.abs(radius) / np.abs(radius).max()
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def _box(rng: np.random.Generator) -> np.ndarray:
    high = rng.uniform(0.2, 1)
    corners = np.array([[-1, -high], [1, -high], [1, high], [-1, high]])
    return (corners + rng.normal(0, 0.05, (4, 2))).clip(-1, 1)


def _foliage(side: int, rng: np.random.Generator) -> np.ndarray:
    """A cloud of small leaves with holes that one sees through."""
    mask = np.zeros((side, side), np.uint8)
    centers = rng.normal(0.5, 0.16, (int(rng.integers(60, 400)), 2)) * side
    for (x, y), size, turn in zip(centers, rng.uniform(0.006, 0.04, len(centers)), rng.uniform(0, 180, len(centers)),
                                  strict=True):  # fmt: skip
        cv2.ellipse(mask, (int(x), int(y)), (max(1, int(size * side)), max(1, int(size * side / 2))),
                    turn, 0, 360, 255, -1, cv2.LINE_AA)  # fmt: skip
    return mask


def _palette(count: int, rng: np.random.Generator) -> np.ndarray:
    """Colors `(count, 3)`: a few hues that go together, mostly muted, from near black to near white."""
    hues = (rng.random() + rng.normal(0, 0.08, count) + rng.choice([0, 0, 0.5, 0.33], count)) % 1
    saturations, values = rng.beta(1.2, 3.2, count), rng.beta(1.3, 1.2, count)
    return np.array([colorsys.hsv_to_rgb(*color) for color in zip(hues, saturations, values, strict=True)])


def fractal_noise(side: int, power: float, rng: np.random.Generator) -> np.ndarray:
    """Gray noise `(side, side)` of unit variance whose amplitude falls with 1 / frequency^`power`.

    Photographs have a power near 1 (Field, J. Opt. Soc. Am. A 4, 1987).
    """
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    spectrum = (rng.standard_normal(frequency.shape) + 1j * rng.standard_normal(frequency.shape)) / frequency**power
    noise = np.fft.irfft2(spectrum, (side, side))
    return (noise / float(noise.std())).astype(np.float32)


def _leaves(side: int, rng: np.random.Generator) -> np.ndarray:
    """Dead leaves: things of all sizes that cover each other (Lee, Mumford, Huang, IJCV 2001), each lit and grained."""
    large = side * _OVERSAMPLING
    smallest, count = np.exp(rng.uniform(np.log(0.008), np.log(0.08))), int(rng.integers(150, _MOST_LEAVES))
    # Radii with density r^-3 between the smallest and half of the picture.
    radii = large * smallest / np.sqrt(1 - rng.random(count) * (1 - (smallest / 0.5) ** 2))
    # Large ones first: with so few leaves a random order would leave bare ground.
    radii[: count // 10] = np.sort(radii)[::-1][: count // 10]
    centers = rng.uniform(0, large, (count, 2))
    index = np.zeros((large, large), np.int32)
    straight, turns, ratios = rng.random(count) < rng.random(), rng.uniform(0, 180, count), rng.uniform(0.15, 1, count)
    for leaf in range(1, count):
        frame = (tuple(centers[leaf]), (2 * radii[leaf], 2 * radii[leaf] * ratios[leaf]), turns[leaf])
        if straight[leaf]:
            cv2.fillConvexPoly(index, np.int32(cv2.boxPoints(frame)), leaf)
        else:
            cv2.ellipse(index, frame, leaf, -1)
    slopes = rng.normal(0, 0.25, (count, 2)) / radii[:, None]
    level = 1 - (slopes * centers).sum(1)
    grains = rng.exponential(0.06, (count, 2))
    values = np.concatenate([_palette(count, rng), slopes, level[:, None], grains], 1).astype(np.float32)
    red, green, blue, across, down, level, fine, coarse = (column[index] for column in values.T.copy())
    y, x = np.ogrid[:large, :large]
    light = (level + across * x + down * y).clip(0.3, 1.7)
    grain = fine * _enlarged(fractal_noise(side, 0.6, rng)) + coarse * _enlarged(fractal_noise(side, 1.4, rng))
    picture = np.stack([channel * light + grain for channel in (red, green, blue)], -1)
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def _enlarged(noise: np.ndarray) -> np.ndarray:
    return cv2.resize(noise, None, fx=_OVERSAMPLING, fy=_OVERSAMPLING)


def _blend(position: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Colors along a line of `count` palette entries; `position` in [0, 1]."""
    colors, stops = _palette(count, rng), np.linspace(0, 1, count)
    return np.stack([np.interp(position, stops, colors[:, channel]) for channel in range(3)], -1).astype(np.float32)


def _cloud(side: int, rng: np.random.Generator) -> np.ndarray:
    """Fractal noise through a few colors: clouds, water, cloth, stone."""
    noise = fractal_noise(side, rng.uniform(1.0, 2.0), rng)
    return _blend(0.5 + 0.25 * noise, rng, int(rng.integers(2, 5)))


def _sky(side: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth shade with hardly any texture: skies, walls, skin."""
    y, x = np.indices((side, side), np.float32) / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    ramp = 0.5 + 0.7 * (x * np.cos(angle) + y * np.sin(angle)) + 0.05 * fractal_noise(side, 2.2, rng)
    return _blend(ramp, rng, 2) + 0.01 * rng.random() * fractal_noise(side, 0.5, rng)[..., None]


def _bands(side: int, rng: np.random.Generator) -> np.ndarray:
    """Repeated lines, bent a little: planks, bricks, windows, fences, cloth."""
    bend = rng.uniform(0, 0.03) * side
    y, x = (axis + bend * fractal_noise(side, 2.5, rng) for axis in np.indices((side, side), np.float32))
    angle = rng.normal(0, 0.3)
    across, down = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    period, ratio, joint = rng.uniform(0.02, 0.15) * side, rng.uniform(0.4, 3), rng.uniform(0.05, 0.4)
    row = np.floor(down / (period * ratio))
    column = across / period + (0.5 * (row % 2) if rng.random() < 0.5 else 0)
    lines = (column % 1) < joint
    if rng.random() < 0.6:
        lines |= (down / (period * ratio)) % 1 < joint / ratio
    colors = _palette(3, rng)
    tile = 0.12 * rng.random() * np.sin(12.9898 * np.floor(column) + 78.233 * row)
    grain = 0.08 * rng.random() * fractal_noise(side, 1.0, rng)
    picture: np.ndarray = np.where(lines[..., None], colors[0], colors[1]) + (tile + grain)[..., None]
    return cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.7)
