"""The land of the example clip, baked: its height, relief and colors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from coast.noise import Array, fractal, mix, ridges, smoothstep

WEST, SOUTH = -1500.0, -100.0
WIDTH, DEPTH = 2896, 3904
SHAPE = (DEPTH, WIDTH)
TREE_CELL = 8
LEVELS = 5
SUN_AZIMUTH = math.radians(-52.0)
LIGHTHOUSE = (-58.0, 748.0)


@dataclass(frozen=True)
class Land:
    """Mip levels of the ground, a metre a texel in the first.

    ``relief`` holds the two slopes, the shadow line (tangent of the lowest sun that reaches the spot) and the
    openness to the sky; ``color`` the square root of linear RGB, times 255.
    """

    height: list[Array]
    relief: list[Array]
    color: list[NDArray[np.uint8]]


def ground_plan() -> tuple[Array, Array]:
    """World x and y of each texel."""
    x = np.arange(WIDTH, dtype=np.float32)[None] + np.float32(WEST)
    y = np.arange(DEPTH, dtype=np.float32)[:, None] + np.float32(SOUTH)
    return np.broadcast_to(x, (DEPTH, WIDTH)), np.broadcast_to(y, (DEPTH, WIDTH))


def bump(x: Array, y: Array, center: tuple[float, float], size: tuple[float, float]) -> Array:
    """Gaussian hill of height one."""
    return np.exp(-(((x - center[0]) / size[0]) ** 2) - ((y - center[1]) / size[1]) ** 2)


def steepness(ground: Array, sigma: float) -> Array:
    """Slope of the smoothed ground, rise over run."""
    flat = cv2.GaussianBlur(ground, (0, 0), sigma)
    return np.hypot(cv2.Sobel(flat, -1, 1, 0, scale=1 / 8), cv2.Sobel(flat, -1, 0, 1, scale=1 / 8))


def bare_ground(rng: np.random.Generator) -> Array:
    """Height of the land without trees: a coast on the right, islands on the left, mountains behind."""
    x, y = ground_plan()
    x = x + 45 * fractal(rng, SHAPE, 300, 4)
    y = y + 45 * fractal(rng, SHAPE, 300, 4)
    headland = 250 * bump(x, y, (0, 760), (1e6, 130)) + 330 * bump(x, y, (0, 1650), (1e6, 260))
    inland = x - 175 + headland + 170 * bump(x, y, (0, 1150), (1e6, 200)) * -0.6
    hills = ridges(rng, SHAPE, 420, 6)
    land = 46 * smoothstep(0, 150, inland) + 150 * hills * smoothstep(60, 750, inland)
    land += 20 * smoothstep(0, 22, inland)
    shelf = np.clip(inland * 0.1, -14, 0) + land
    islands = np.full_like(shelf, -14)
    for center, size, top in (
        ((-440, 1190), (165, 120), 92),
        ((-290, 1320), (110, 140), 66),
        ((-730, 900), (130, 80), 52),
        ((-980, 1500), (240, 170), 110),
        ((-135, 655), (24, 17), 24),
        ((-112, 676), (12, 10), 20),
    ):
        islands = np.maximum(islands, (top + 14) * bump(x, y, center, size) * (0.72 + 0.42 * hills) - 14)
    far = smoothstep(2150, 3250, y) * smoothstep(-900, -250, x) * (1 - smoothstep(3500, 3790, y))
    peaks = 0.30 + 0.9 * bump(x, y, (150, 2950), (330, 420)) + 0.7 * bump(x, y, (-420, 3150), (260, 380))
    peaks += 0.55 * bump(x, y, (780, 2900), (420, 420))
    mountains = 620 * far * peaks * (0.35 + 0.8 * ridges(rng, SHAPE, 620, 8)) - 14
    ground = np.maximum(np.maximum(shelf, islands), mountains)
    rough = fractal(rng, SHAPE, 60, 5)
    ground = ground + rough * (1.0 + 4.5 * smoothstep(2, 40, ground)) * smoothstep(-3, 3, ground)
    ledges = np.sin(0.85 * ground + 1.5 * rough) * smoothstep(0.5, 0.9, steepness(ground, 4))
    return ground + 0.45 * ledges * smoothstep(2, 5, ground)


def plant_trees(rng: np.random.Generator, ground: Array, where: Array) -> tuple[Array, Array]:
    """Crown height over the ground, and a random kind in [0, 1] for each crown."""
    cells = (DEPTH // TREE_CELL, WIDTH // TREE_CELL)
    chance = cv2.resize(where, cells[::-1], interpolation=cv2.INTER_AREA)
    grow = rng.random(cells, np.float32) < chance
    offset = rng.uniform(1.5, TREE_CELL - 1.5, (2, *cells)).astype(np.float32)
    radius = rng.uniform(2.6, 5.2, cells).astype(np.float32) * grow
    kind = rng.random(cells, np.float32)
    crown = np.zeros_like(ground)
    kinds = np.zeros_like(ground)
    v, u = np.meshgrid(np.arange(DEPTH, dtype=np.float32), np.arange(WIDTH, dtype=np.float32), indexing="ij")
    u, v = np.mod(u, TREE_CELL), np.mod(v, TREE_CELL)

    def spread(values: Array) -> Array:
        return cv2.resize(values, (WIDTH, DEPTH), interpolation=cv2.INTER_NEAREST)

    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near = [np.roll(a, (-dy, -dx), (0, 1)) for a in (offset[0], offset[1], radius, kind)]
            ox, oy, r, k = (spread(a) for a in near)
            squared = ((u - ox - dx * TREE_CELL) ** 2 + (v - oy - dy * TREE_CELL) ** 2) / (r * r + 1e-3)
            dome = np.sqrt(np.clip(1 - squared, 0, 1)) * r * 1.9
            cone = np.clip(1 - np.sqrt(squared), 0, 1) * r * 3.3
            tall = np.where(k < 0.3, cone, dome)
            taller = tall > crown
            crown[taller] = tall[taller]
            kinds[taller] = k[taller]
    return crown, kinds


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur, on a reduced copy when the blur is wide."""
    factor = max(1, int(sigma / 3))
    small = cv2.resize(image, (WIDTH // factor, DEPTH // factor), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return cv2.resize(small, (WIDTH, DEPTH), interpolation=cv2.INTER_LINEAR)


def shadow_line(height: Array) -> Array:
    """Tangent of the lowest sun elevation that still reaches each texel."""
    line = np.full_like(height, -1)
    dx, dy = np.sin(SUN_AZIMUTH), np.cos(SUN_AZIMUTH)
    reach = 2.0
    while reach < 900:
        move = np.array([[1, 0, dx * reach], [0, 1, dy * reach]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ahead = cv2.warpAffine(height, move, (WIDTH, DEPTH), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        np.maximum(line, (ahead - height) / np.float32(reach), out=line)
        reach *= 1.22
    return line


def paint(rng: np.random.Generator, ground: Array, crown: Array, kind: Array) -> Array:
    """Linear color of the ground and the trees: (H, W, 3)."""
    slope = steepness(ground, 2)
    patches, fine = fractal(rng, SHAPE, 90, 4), fractal(rng, SHAPE, 9, 3)

    def tint(*rgb: float) -> Array:
        return np.array(rgb, np.float32)

    def over(base: Array, top: Array, amount: Array) -> Array:
        return base + (top - base) * amount[..., None]

    color = over(tint(0.11, 0.19, 0.04), tint(0.33, 0.25, 0.07), smoothstep(-0.5, 0.6, patches))
    heather = smoothstep(0.25, 0.5, fractal(rng, SHAPE, 130, 3)) * smoothstep(-0.4, 0.3, fine)
    color = over(color, tint(0.36, 0.09, 0.30), 0.8 * heather)
    strata = np.sin((ground + 5 * patches) * 0.55) * 0.5 + 0.5
    rock = over(tint(0.30, 0.18, 0.11), tint(0.46, 0.31, 0.19), strata)
    rock = over(rock, tint(0.33, 0.32, 0.36), smoothstep(130, 300, ground))
    color = over(color, rock, smoothstep(0.55, 0.95, slope + 0.12 * fine))
    color = over(color, tint(0.72, 0.58, 0.36), 1 - smoothstep(1.0, 2.2, ground + fine))
    snow = smoothstep(190, 270, ground + 40 * patches) * (1 - smoothstep(1.1, 1.9, slope))
    color = over(color, tint(0.88, 0.90, 0.96), snow)
    color *= (1 + 0.30 * fine)[..., None]

    season = np.clip(kind + 0.30 * blur(patches, 12), 0, 0.999)
    palette = [
        tint(0.035, 0.12, 0.05),
        tint(0.04, 0.13, 0.045),
        tint(0.10, 0.22, 0.035),
        tint(0.20, 0.28, 0.03),
        tint(0.60, 0.38, 0.03),
        tint(0.66, 0.22, 0.02),
        tint(0.50, 0.07, 0.02),
    ]
    leaves = np.stack(palette)[(season * len(palette)).astype(int)]
    leaves *= (1 + 0.35 * fine)[..., None]
    return np.clip(over(color, leaves, smoothstep(0.3, 1.2, crown)), 0, 1)


def halves(image: NDArray[Any]) -> list[NDArray[Any]]:
    """The image and its successive 2x reductions."""
    levels = [image]
    while len(levels) < LEVELS:
        rows, columns = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA))
    return levels


@lru_cache(maxsize=1)
def bake() -> Land:
    """Build the land: some ten seconds, once a process."""
    rng = np.random.default_rng(7)
    ground = bare_ground(rng)
    knoll = bump(*ground_plan(), LIGHTHOUSE, (22, 22))
    ground = mix(ground, 17.0, np.clip(1.6 * knoll, 0, 1))
    woods = smoothstep(-0.30, 0.10, fractal(rng, SHAPE, 170, 4))
    woods *= smoothstep(4, 9, ground) * (1 - smoothstep(170, 290, ground))
    woods *= (1 - smoothstep(0.8, 1.25, steepness(ground, 3))) * (1 - np.clip(2 * knoll, 0, 1))
    crown, kind = plant_trees(rng, ground, woods)
    height = ground + crown
    slopes = [cv2.Sobel(height, -1, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))]
    relative = 0.11 * (height - blur(height, 4)) + 0.012 * (height - blur(height, 40))
    relief = np.stack([*slopes, shadow_line(height), np.clip(0.75 + relative, 0.12, 1.15)], -1)
    color = (np.sqrt(paint(rng, ground, crown, kind)) * 255).astype(np.uint8)
    return Land(halves(height), halves(relief), halves(color))
