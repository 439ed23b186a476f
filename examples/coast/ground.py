"""Marching rays over the baked land, and shading what they meet."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from coast.land import LEVELS, SOUTH, WEST, bake
from coast.noise import Array, mix, periodic_tile, sample, sample_tile, smoothstep
from coast.sky import Light

FAR = 6000.0
LEVEL_ENDS = (420.0, 900.0, 1900.0, FAR)
STEPS = 260


@lru_cache(maxsize=1)
def grain_tile() -> Array:
    """Fine periodic noise for what is too small for the baked colors."""
    return periodic_tile(11, 512, 6, 120)


def march(origin: Array, direction: Array, end: Array, pixel: float) -> Array:
    """Distance to the land along each ray, inf where it is not met before ``end``."""
    found = np.full(end.size, np.inf, np.float32)
    t = np.full(end.size, 2.0, np.float32)
    going = t < end
    origin = np.broadcast_to(origin, direction.shape)
    top = bake().height[0].max()
    for level, level_end in enumerate(LEVEL_ENDS):
        rays: Array = np.flatnonzero(going & (t < level_end))
        alive = np.ones(rays.size, bool)
        o, d, near, stop = origin[:, rays], direction[:, rays], t[rays], np.minimum(end[rays], level_end)
        step = last = np.ones_like(near)
        for i in range(STEPS):
            if rays.size == 0:
                break
            p = o + near * d
            gap = p[2] - ground_height(level, p)
            met = alive & (gap < 0.0006 * near)
            below = np.minimum(gap[met], 0)
            found[rays[met]] = near[met] + step[met] * below / (last[met] - below)
            leaving = (p[2] > top) & (d[2] > 0)
            going[rays[met | leaving]] = False
            # The least step grows, so that rays which skim the ground also get through in time.
            least = np.float32(pixel * (1 + 0.03 * i)) * (near + 20)
            step, last = np.maximum(0.42 * gap, least), np.maximum(gap, 1e-3)
            near = near + step
            alive &= ~met & ~leaving & (near < stop)
            if np.count_nonzero(alive) < 0.85 * alive.size:
                t[rays] = near
                rays, near, stop, step, last = (a[alive] for a in (rays, near, stop, step, last))
                o, d, alive = o[:, alive], d[:, alive], alive[alive]
        t[rays] = near
        going &= t < end
    return found


def ground_height(level: int, p: Array) -> Array:
    """Height of the land under the points."""
    scale = np.float32(2**level)
    return sample(bake().height[level], (p[0] - WEST + 0.5) / scale - 0.5, (p[1] - SOUTH + 0.5) / scale - 0.5)


def ground_look(p: Array, t: Array, pixel: float) -> tuple[Array, Array]:
    """Relief (4, N) and linear color (3, N), from the mip levels that fit a pixel at distance ``t``."""
    wanted = np.clip(np.log2(np.maximum(t * pixel * 2.2, 1e-3)), 0, LEVELS - 1.001)
    relief = np.empty((4, t.size), np.float32)
    color = np.empty((3, t.size), np.float32)
    for low in range(LEVELS - 1):
        rays = np.flatnonzero(wanted.astype(int) == low)
        if rays.size == 0:
            continue
        share = wanted[rays] - low
        looks = []
        for level in (low, low + 1):
            scale = np.float32(2**level)
            u, v = (p[0, rays] - WEST + 0.5) / scale - 0.5, (p[1, rays] - SOUTH + 0.5) / scale - 0.5
            looks.append((sample(bake().relief[level], u, v), sample(bake().color[level], u, v).astype(np.float32)))
        relief[:, rays] = mix(looks[0][0], looks[1][0], share)
        color[:, rays] = mix(looks[0][1], looks[1][1], share)
    return relief, (color / 255) ** 2


def shade_ground(light: Light, p: Array, t: Array, pixel: float) -> Array:
    """Color of the land at the points."""
    (slope_x, slope_y, line, openness), albedo = ground_look(p, t, pixel)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(slope_x)])
    normal /= np.sqrt((normal**2).sum(0))
    near = np.clip(1 - t / 700, 0, 1)
    grain = sample_tile(grain_tile(), p[0] * 1.7, p[1] * 1.7) + sample_tile(grain_tile(), p[1] * 1.3, p[2] * 1.7)
    # A cliff covers few texels of a map seen from above; its beds are drawn from the height itself.
    along = p[0] - p[1]
    beds = 0.7 * sample_tile(grain_tile(), along * 2.5 + 40, p[2] * 15)
    beds += 0.7 * sample_tile(grain_tile(), along * 6.5, p[2] * 9 + along)
    steep = smoothstep(0.8, 1.6, np.hypot(slope_x, slope_y)) * (albedo[1] < albedo[0] * 0.95)
    albedo = albedo * (1 + 0.17 * near * grain) * (1 + 0.30 * beds * steep * np.clip(1.6 - t / 700, 0, 1))
    albedo = np.clip(albedo, 0.01, 1)
    tangent = light.sun[2] / np.sqrt(1 - light.sun[2] ** 2)
    sunlit = smoothstep(-0.10, 0.14, tangent - line)
    # Leaves and grass let light through, so the terminator is soft.
    facing = np.clip(((normal * light.sun).sum(0) + 0.22) / 1.22, 0, 1)
    wet = mix(0.55, 1.0, smoothstep(0.2, 1.6, p[2]))
    bounce = 0.10 * light.sun_color * np.clip(0.5 - 0.5 * normal[0], 0, 1)
    sky_light = light.ambient * (0.45 + 0.55 * normal[2]) * openness + bounce * openness
    return albedo * wet * (light.sun_color * facing * sunlit * np.clip(openness + 0.3, 0, 1) + sky_light)
