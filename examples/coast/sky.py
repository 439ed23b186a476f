"""The light of the example clip: sun, sky, painted clouds and haze, from golden hour to evening."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from coast.land import SUN_AZIMUTH
from coast.noise import Array, fractal, mix, periodic_tile, sample, sample_tile, smoothstep

SECONDS = 5.0
PIXELS_A_DEGREE = 13
AZIMUTHS, ELEVATIONS = 200, 32
SHAPE = (ELEVATIONS * PIXELS_A_DEGREE, AZIMUTHS * PIXELS_A_DEGREE)


def rgb(red: float, green: float, blue: float) -> Array:
    """A color as a column."""
    return np.array([[red], [green], [blue]], np.float32)


@dataclass(frozen=True)
class Light:
    """The light at one time: where the sun stands, and the colors that it and the sky give."""

    sun: Array
    sun_color: Array
    ambient: Array
    zenith: Array
    horizon: Array
    glow: Array


def light_at(seconds: float) -> Light:
    """Golden hour turning to evening."""
    late = np.float32(smoothstep(0, SECONDS, np.float32(seconds)))
    elevation = np.deg2rad(14.5 - 7.0 * seconds / SECONDS)
    sun = rgb(np.sin(SUN_AZIMUTH) * np.cos(elevation), np.cos(SUN_AZIMUTH) * np.cos(elevation), np.sin(elevation))
    return Light(
        sun=sun,
        sun_color=mix(rgb(4.3, 2.75, 1.35), rgb(4.2, 1.85, 0.70), late),
        ambient=mix(rgb(0.42, 0.54, 0.80), rgb(0.40, 0.42, 0.72), late),
        zenith=mix(rgb(0.07, 0.22, 0.62), rgb(0.07, 0.13, 0.44), late),
        horizon=mix(rgb(0.48, 0.58, 0.72), rgb(0.74, 0.36, 0.27), late),
        glow=mix(rgb(1.00, 0.70, 0.34), rgb(1.25, 0.52, 0.16), late),
    )


def pile_up(rng: np.random.Generator, base: float, width: float, count: int) -> tuple[Array, Array]:
    """A row of cumulus heaps over the elevation ``base``: relief towards the viewer and solidity.

    Each heap is a dome of balls; ``base`` and the heaps' half ``width`` are in degrees, relief in pixels.
    """
    relief = np.zeros(SHAPE, np.float32)
    solid = np.zeros(SHAPE, np.float32)
    spacing = SHAPE[1] / count
    for i in range(count):
        half = width * PIXELS_A_DEGREE * rng.uniform(0.6, 1.25)
        center = (i + rng.uniform(0.15, 0.85)) * spacing
        lean = rng.uniform(-0.35, 0.35)
        for _ in range(70):
            place = 0.85 * rng.triangular(-1, lean, 1)
            top = half * 0.62 * (1 - abs(place - lean) / (1 + abs(lean))) ** 0.8
            radius = half * rng.uniform(0.12, 0.30) * (1.1 - 0.5 * abs(place))
            u, v = center + half * place, base * PIXELS_A_DEGREE + rng.uniform(0, 1) * top
            left, right = max(0, int(u - radius)), min(SHAPE[1], int(u + radius) + 2)
            low, high = max(0, int(v - radius)), min(SHAPE[0], int(v + radius) + 2)
            if left >= right or low >= high:
                continue
            y, x = np.mgrid[low:high, left:right].astype(np.float32)
            inside = np.clip(1 - ((x - u) ** 2 + (y - v) ** 2) / np.float32(radius**2), 0, 1)
            ball = (np.sqrt(inside) * radius + rng.uniform(0, 0.5) * half) * (inside > 0)
            window = (slice(low, high), slice(left, right))
            np.maximum(relief[window], ball, out=relief[window])
            np.maximum(solid[window], inside, out=solid[window])
    return relief, solid


def fray(rng: np.random.Generator, image: Array, amount: float) -> Array:
    """Displace an image by noise so that its outlines billow."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    x += np.float32(amount) * fractal(rng, SHAPE, 24, 3)
    y += np.float32(amount) * fractal(rng, SHAPE, 24, 3)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def paint_clouds(rng: np.random.Generator, base: float, width: float, count: int) -> tuple[Array, Array]:
    """Cover and sunlight of one row of heaps."""
    relief, solid = pile_up(rng, base, width, count)
    both = fray(rng, np.stack([relief, solid], -1), width * 1.5)
    grain = fractal(rng, SHAPE, 40, 5)
    relief = cv2.GaussianBlur(both[..., 0], (0, 0), 1.8) + width * 0.7 * grain
    solid = both[..., 1]
    slope_x, slope_y = cv2.Sobel(relief, -1, 1, 0, scale=1 / 8), cv2.Sobel(relief, -1, 0, 1, scale=1 / 8)
    azimuth = np.deg2rad((np.arange(SHAPE[1], dtype=np.float32) + 0.5) / PIXELS_A_DEGREE - AZIMUTHS / 2)
    aside, behind = np.sin(SUN_AZIMUTH - azimuth), np.cos(SUN_AZIMUTH - azimuth)
    facing = -slope_x * aside - slope_y * 0.35 - 0.5 * behind
    facing /= np.sqrt(slope_x**2 + slope_y**2 + 1)
    rows = (np.arange(SHAPE[0], dtype=np.float32)[:, None] + 0.5) / PIXELS_A_DEGREE
    above = smoothstep(-0.15, 0.75, (rows - base) / width + 0.08 * grain)
    rim = (1 - smoothstep(0.0, 0.5, solid)) * np.clip(behind, 0, 1) ** 2
    lit = np.clip((facing + 0.62) / 1.5, 0, 1) * (0.35 + 0.65 * above) + 0.5 * rim
    flat = smoothstep(-0.16, 0.06, (rows - base) / width + 0.05 * grain)
    return smoothstep(0.02, 0.30, solid + 0.10 * grain * (solid > 0)) * flat, lit


@lru_cache(maxsize=1)
def clouds() -> Array:
    """The clouds by elevation and azimuth: (H, W, 3) of heap cover, heap light and cirrus."""
    rng = np.random.default_rng(9)
    cover, light = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    for base, width, count in ((1.6, 3.2, 30), (3.6, 5.5, 15), (7.5, 9.0, 7)):
        above, lit = paint_clouds(rng, base, width, count)
        light = light * (1 - above) + lit * above
        cover = cover + above - cover * above
    broad, fine = periodic_tile(21, 512, 3, 14), periodic_tile(22, 512, 3, 200)
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    elevation = np.deg2rad((v + 0.5) / PIXELS_A_DEGREE)
    azimuth = np.deg2rad((u + 0.5) / PIXELS_A_DEGREE - AZIMUTHS / 2)
    reach = 7000 / np.tan(elevation)
    x, y = (reach * np.sin(azimuth)).ravel(), (reach * np.cos(azimuth)).ravel()
    streaks = sample_tile(fine, x * 0.011, y * 0.003) + 0.8 * sample_tile(broad, x * 0.01, y * 0.006)
    return np.stack([cover, light, smoothstep(0.3, 2.4, streaks).reshape(SHAPE)], -1)


def clear_sky(light: Light, direction: Array) -> Array:
    """Sky without clouds, and the haze that distance puts before the land."""
    rise = np.clip(direction[2], 0, 1)
    toward = np.clip((direction * light.sun).sum(0), 0, 1)
    color = mix(light.horizon, light.zenith, 1 - np.exp(-rise * 5.5))
    low = np.exp(-rise * 7.0)
    return color + light.glow * (0.45 * low * toward**4 + 0.38 * toward**26 + 0.45 * toward**400)


def sky(light: Light, direction: Array) -> Array:
    """Sky with its clouds and the sun."""
    color = clear_sky(light, direction)
    toward = np.clip((direction * light.sun).sum(0), 0, 1)
    azimuth = np.rad2deg(np.arctan2(direction[0], direction[1]))
    elevation = np.rad2deg(np.arcsin(np.clip(direction[2], 0, 1)))
    u, v = (azimuth + AZIMUTHS / 2) * PIXELS_A_DEGREE - 0.5, elevation * PIXELS_A_DEGREE - 0.5
    cover, lit, cirrus = sample(clouds(), u, v)
    veil = cirrus * 0.55 * smoothstep(0.04, 0.2, direction[2])
    color = mix(color, 0.27 * light.sun_color + 0.45 * light.ambient, veil)
    heaps = cover * (light.sun_color * lit * 0.50 + light.ambient * 0.55)
    clear_air = np.exp(-0.045 / np.maximum(direction[2], 0.01))
    color = color * (1 - cover * clear_air) + heaps * clear_air
    disc = smoothstep(0.99981, 0.99990, toward) * (1 - 0.9 * cover)
    return color + light.sun_color * 6 * disc


def haze(light: Light, direction: Array, t: Array, color: Array) -> Array:
    """Aerial perspective."""
    flat = direction.copy()
    flat[2] = np.maximum(flat[2], 0.02)
    amount = 1 - np.exp(-((t / 4300) ** 1.25))
    return mix(color, clear_sky(light, flat) * 0.92, amount)
