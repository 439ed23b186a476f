"""The sea of the example clip: its waves, foam and wakes, and the light it gives back."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from coast.ground import grain_tile, ground_height
from coast.noise import Array, mix, sample_tile, smoothstep, wave_slopes
from coast.sky import Light, rgb
from coast.things import Thing


@lru_cache(maxsize=1)
def wave_tiles() -> tuple[Array, Array]:
    """Slopes of a swell and of ripples."""
    return wave_slopes(12, 5, 14), wave_slopes(13, 10, 40)


def slopes_at(p: Array, footprint: Array, seconds: float) -> tuple[Array, Array]:
    """Slopes (2, N) of the visible waves and the variance of those too fine to see."""
    slopes = np.zeros((2, footprint.size), np.float32)
    variance = np.full(footprint.size, 0.0007, np.float32)
    gusts = 0.75 + 0.25 * sample_tile(grain_tile(), p[0] * 0.05, p[1] * 0.03)
    swell, ripples = wave_tiles()
    layers = (
        (swell, 2.2, 26.0, 0.030, (1.0, 2.6)),
        (swell, 7.0, 8.5, 0.042, (-0.6, 1.4)),
        (ripples, 12.0, 2.6, 0.024, (0.4, 0.7)),
    )
    for tile, texels, wavelength, strength, (vx, vy) in layers:
        seen = np.exp(-((footprint / np.float32(wavelength) * 2.6) ** 2))
        for sign in (1, -1):
            u = (p[0] * sign - vx * seconds) * texels
            v = (p[1] + 0.15 * sign * p[0] - vy * seconds) * texels
            slopes += sample_tile(tile, u, v) * (seen * gusts) * np.float32(strength * 0.7)
        variance += (strength * gusts) ** 2 * (1 - seen**2)
    return slopes, variance


def mirrored(direction: Array, slopes: Array, variance: Array) -> tuple[Array, Array]:
    """Reflected directions (3, N), and the cosine between the rays and the waves' normals."""
    normal = np.concatenate([-slopes, np.ones((1, variance.size), np.float32)])
    normal /= np.sqrt((normal**2).sum(0))
    cosine = np.clip(-(direction * normal).sum(0), 0.02, 1)
    away = direction + 2 * cosine * normal
    # Rough water shows the sky from higher up than a mirror would.
    away[2] = np.maximum(np.abs(away[2]) + 0.5 * np.sqrt(variance), 0.012)
    return away / np.sqrt((away**2).sum(0)), cosine


def glitter(light: Light, direction: Array, slopes: Array, variance: Array) -> Array:
    """Density of wave slopes that send the sun to the eye: Gaussian (Cox and Munk 1954)."""
    half = light.sun - direction
    off = (half[0] / half[2] + slopes[0]) ** 2 + (half[1] / half[2] + slopes[1]) ** 2
    return np.exp(-off / (2 * variance)) / (2 * np.pi * variance)


def wake(placed: list[Thing], p: Array) -> Array:
    """Foam that sailing boats leave behind them, in [0, 1]."""
    foam = np.zeros(p.shape[1], np.float32)
    for thing in placed:
        if not thing.wake:
            continue
        across, ahead, _ = thing.to_local(p - np.array(thing.center, np.float32)[:, None]) / np.float32(thing.scale)
        behind = np.clip(6.0 - ahead, 0, None)
        arms = np.exp(-(((np.abs(across) - 1.2 - 0.2 * behind) / (0.5 + 0.03 * behind)) ** 2))
        churn = 0.7 * np.exp(-((across / 1.3) ** 2)) * (ahead < -6)
        foam += (arms + churn) * np.exp(-behind / 22) * (ahead < 6.0)
    return np.clip(foam, 0, 1)


def shade(
    light: Light,
    placed: list[Thing],
    p: Array,
    slopes: Array,
    variance: Array,
    seconds: float,
) -> tuple[Array, Array, Array]:
    """What the sea shows beside reflections: color (3, N), cover of foam in [0, 1], color of foam."""
    depth = -ground_height(1, p)
    shallow = np.exp(-np.clip(depth, 0, None) * 0.32)
    body = mix(rgb(0.008, 0.085, 0.135), rgb(0.05, 0.42, 0.40), shallow)
    body = mix(body, rgb(0.48, 0.42, 0.26), shallow**5)
    body = body * (0.19 * light.sun_color + 0.8 * light.ambient) * (1 + 2.2 * slopes[1])
    lace = sample_tile(grain_tile(), p[0] * 2.3 + 3 * seconds, p[1] * 2.3)
    wash = depth + 0.35 * lace + 0.35 * np.sin(1.3 * seconds + 0.05 * p[1])
    foam = 0.8 * (1 - smoothstep(0.15, 0.9, wash)) + 0.25 * (1 - smoothstep(0.0, 0.35, np.abs(wash - 1.7)))
    foam += 0.7 * wake(placed, p) * np.clip(0.8 + 0.3 * lace, 0, 1)
    return body, np.clip(foam, 0, 0.85), 0.34 * light.sun_color + 0.75 * light.ambient
