"""Draw the style picture of the shipped ``mosaic`` style: a glass mosaic of a sun over hills and a sea.

The picture is our own and wholly procedural, so the style trained on it carries nobody else's rights::

    python examples/draw_mosaic.py examples/mosaic.jpg --size 1200 --seed 7

A scene is a stack of motifs. Each has a mask, a field whose level sets are its rows of tiles, a tile size and
a palette of glasses. Tiles are the cells of a centroidal Voronoi diagram whose metric follows the rows (after
A. Hausner, "Simulating Decorative Mosaics", SIGGRAPH 2001), cut at the motifs' contours.
Lengths are fractions of the picture's side, so the composition is the same at every size.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]

SUPERSAMPLING = 2
RELAXATIONS = 8
TILE = 0.025
TILE_ELONGATION = 1.15
GROUT_WIDTH = 0.0031
GROUT_COLOR = (0.055, 0.045, 0.085)
ENDLESS = 1e3

# fmt: off
GLASS = {
    "ivory": 0xFFF3D2, "lemon": 0xFFE15A, "gold": 0xFFC020, "amber": 0xFF9413, "orange": 0xFB6A12,
    "vermilion": 0xEE3A1C, "crimson": 0xC4123A, "garnet": 0x7D0C35, "rose": 0xFF6D86, "magenta": 0xC42A94,
    "violet": 0x7A34C8, "plum": 0x43187D, "ink": 0x0F0D2C, "navy": 0x10175C, "ultramarine": 0x2A2FC4,
    "cobalt": 0x1450D6, "azure": 0x1E86F0, "sky": 0x5FC0F8, "turquoise": 0x10BFC8, "aqua": 0x7BE8DC,
    "forest": 0x07553F, "emerald": 0x0A9A58, "jade": 0x35C46C, "lime": 0xB4DC34,
}
# fmt: on


class Scene:
    """Rasters over the picture: coordinates, motif, row field and tone; and what each motif is laid with."""

    def __init__(self, side: int) -> None:
        self.side = side
        axis = (np.arange(side, dtype=np.float32) + 0.5) / side
        self.x, self.y = np.meshgrid(axis, axis)
        self.motif = np.zeros((side, side), np.int32)
        self.rows, self.tone = np.zeros_like(self.x), np.zeros_like(self.x)
        self.palettes: list[list[str]] = []
        self.sizes, self.periods = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def add(
        self, mask: Mask, rows: Array, tone: Array, palette: str, tile: float = TILE, period: float = ENDLESS
    ) -> None:
        """Lay a motif over the others; `tone` in [0, 1] picks the glass, `rows` repeats at `period`."""
        self.motif[mask] = len(self.palettes)
        self.rows[mask], self.tone[mask] = rows[mask], tone[mask]
        self.palettes.append(palette.split())
        self.sizes = np.append(self.sizes, np.float32(tile))
        self.periods = np.append(self.periods, np.float32(period))

    def polar(self, cx: float, cy: float) -> tuple[Array, Array]:
        """Radius and angle of every pixel about a center."""
        return np.hypot(self.x - cx, self.y - cy), np.arctan2(self.y - cy, self.x - cx)


def wrap(difference: Array, period: float | Array) -> Array:
    """Bring differences of a periodic field into half a period either side of zero."""
    return difference - period * np.round(difference / period)


def add_gem(scene: Scene, cx: float, cy: float, radius: float, glass: str) -> None:
    """Add a round tile; its size is larger than the disc, so that no second tile finds room."""
    r, _ = scene.polar(cx, cy)
    scene.add(r < radius, np.full_like(r, 1.1 * radius), r, glass, 2.2 * radius)


def add_whirl(scene: Scene, cx: float, cy: float, radius: float, arms: int, palette: str) -> None:
    """Add a disc whose rows wind about a gem; a turn is a whole number of rows so that they meet."""
    r, theta = scene.polar(cx, cy)
    turn = arms * TILE
    rows = r + turn * theta / (2 * np.pi)
    scene.add(r < radius, rows, (rows / turn) % 1, palette, period=turn)
    add_gem(scene, cx, cy, 0.8 * TILE, palette.split()[0])


def add_sky(scene: Scene) -> None:
    """Add sky in rings about the sun and three whirls, the whirls themselves, and stars."""
    centers = [(0.41, 0.32, 0.335), (0.87, 0.17, 0.125), (0.02, 0.03, 0.115), (0.98, 0.50, 0.085)]
    distances = np.stack([scene.polar(cx, cy)[0] - radius for cx, cy, radius in centers])
    nearest = distances.argmin(axis=0)
    for index, distance in enumerate(distances):
        tone = (distance + 0.012 * np.sin(17 * scene.x + 9 * scene.y)) / 0.13
        scene.add(nearest == index, distance, tone, "navy ultramarine cobalt azure sky turquoise", 0.027)
    add_whirl(scene, *centers[1], 4, "ivory aqua turquoise cobalt")
    add_whirl(scene, *centers[2], 4, "lemon rose magenta violet")
    add_whirl(scene, *centers[3], 3, "lemon jade turquoise")
    for cx, cy in ((0.725, 0.045), (0.822, 0.432), (0.047, 0.198), (0.055, 0.50)):
        r, _ = scene.polar(cx, cy)
        scene.add(r < 0.042, r - 0.017, r, "gold")
        add_gem(scene, cx, cy, 0.017, "ivory")


def add_sun(scene: Scene) -> None:
    """Add a glow, a crown of pointed rays and a disc of rings."""
    r, theta = scene.polar(0.41, 0.32)
    tone = (r - 0.16) / 0.175 + 0.03 * np.sin(12 * theta)
    scene.add(r < 0.335, r - 0.157, tone, "garnet crimson vermilion orange rose magenta violet plum", 0.0254)
    across = np.abs(wrap(theta * 12 / (2 * np.pi), 1.0)) * 2
    scene.add(r < 0.29 - 0.155 * across, r - 0.157, (r - 0.15) / 0.14, "ivory lemon gold amber")
    scene.add(r < 0.157, r - 0.131, r, "vermilion", 0.026)
    scene.add(r < 0.131, r - 0.021, r / 0.131, "ivory ivory lemon gold amber", 0.0275)
    add_gem(scene, 0.41, 0.32, 0.021, "ivory")


def add_land(scene: Scene, level: float, swing: float, waves: float, phase: float, palette: str) -> None:
    """Add everything below a wavy line, in rows that follow it."""
    angle = waves * scene.x + phase
    slope = swing * waves * np.cos(angle)
    rows = (scene.y - level - swing * np.sin(angle)) / np.sqrt(1 + slope**2)
    scene.add(rows > 0, rows, rows / 0.12, palette)


def add_hills(scene: Scene) -> None:
    """Add a green, an amber and a violet range of hills."""
    add_land(scene, 0.600, -0.060, 5.2, 0.4, "lemon lime jade emerald forest")
    add_land(scene, 0.650, 0.050, 5.6, 0.2, "gold amber orange vermilion crimson")
    add_land(scene, 0.715, -0.045, 5.0, -0.9, "rose magenta violet plum")


def add_polygon(scene: Scene, corners: list[tuple[float, float]], sag: float, palette: str) -> None:
    """Add a polygon in rows that hang by `sag`, its palette running from top to bottom."""
    points = np.array(corners)
    canvas = np.zeros((scene.side, scene.side), np.uint8)
    cv2.fillPoly(canvas, [(points * scene.side).astype(np.int32)], (1,))
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    rows = scene.y - top + sag * np.square((scene.x - left) / (right - left) * 2 - 1)
    scene.add(canvas > 0, rows, rows / (bottom - top), palette)


def add_boat(scene: Scene) -> None:
    """Add a boat with two sails."""
    add_polygon(scene, [(0.75, 0.44), (0.75, 0.74), (0.575, 0.74)], 0.02, "crimson ivory vermilion " * 2)
    add_polygon(scene, [(0.75, 0.47), (0.885, 0.74), (0.76, 0.74)], 0.02, "ivory lemon " * 4)
    add_polygon(scene, [(0.742, 0.42), (0.76, 0.42), (0.766, 0.74), (0.742, 0.74)], 0, "garnet")
    add_polygon(scene, [(0.55, 0.735), (0.92, 0.735), (0.85, 0.82), (0.62, 0.82)], 0, "gold crimson garnet")


def add_sea(scene: Scene) -> None:
    """Add three swells with curling crests."""
    add_land(scene, 0.775, 0.018, 15, 1.0, "ivory aqua turquoise azure cobalt navy")
    add_whirl(scene, 0.25, 0.835, 0.085, 3, "ivory turquoise cobalt")
    add_land(scene, 0.860, 0.022, 12, -0.5, "aqua turquoise turquoise emerald forest")
    add_whirl(scene, 0.63, 0.905, 0.085, 3, "ivory aqua ultramarine")
    add_land(scene, 0.940, 0.018, 13, 2.2, "ivory cobalt ultramarine navy")


def build_scene(side: int) -> Scene:
    """Stack the motifs from back to front."""
    scene = Scene(side)
    for add in (add_sky, add_sun, add_hills, add_boat, add_sea):
        add(scene)
    return scene


@dataclass
class Tiles:
    """One entry a tile: center, motif, row value, unit normal of the row, and skew of its long edges."""

    center: Array
    motif: Labels
    row: Array
    normal: Array
    skew: Array


def sow_tiles(scene: Scene, rng: np.random.Generator) -> Tiles:
    """Throw darts on the center lines of the rows, about a tile's length apart within a row."""
    stride = max(1, scene.side // 400)
    grid = np.s_[::stride, ::stride]
    motif, rows = scene.motif[grid].ravel(), scene.rows[grid].ravel()
    points = np.stack([scene.x[grid].ravel(), scene.y[grid].ravel()], axis=1)
    size = scene.sizes[motif]
    row = np.floor(rows / size)
    line = (row + 0.5) * size
    taken: dict[tuple[int, int], list[Array]] = {}
    chosen = []
    for index in rng.permutation(np.flatnonzero(np.abs(rows - line) < 0.2 * size)):
        others = taken.setdefault((int(motif[index]), int(row[index])), [])
        gap = 0.82 * TILE_ELONGATION * size[index]
        if not others or np.square(np.array(others) - points[index]).sum(axis=1).min() > gap**2:
            others.append(points[index])
            chosen.append(index)
    count = len(chosen)
    jitter, skew = rng.normal(0, [[0.06], [0.10]], (2, count)).astype(np.float32)
    upright = np.tile(np.array([0, 1], np.float32), (count, 1))
    return Tiles(points[chosen], motif[chosen], line[chosen] + jitter * size[chosen], upright, skew)


def assign_pixels(scene: Scene, tiles: Tiles, stride: int) -> Labels:
    """Index of the nearest tile of the same motif for every `stride`-th pixel, -1 where none is in reach."""
    grid = np.s_[::stride, ::stride]
    x, y, rows, motif = scene.x[grid], scene.y[grid], scene.rows[grid], scene.motif[grid]
    best = np.full(x.shape, np.inf, np.float32)
    labels = np.full(x.shape, -1, np.int32)
    for index, own in enumerate(tiles.motif):
        (cx, cy), (nx, ny) = tiles.center[index], tiles.normal[index]
        reach = 2 * scene.sizes[own]
        left, top = (max(0, int((c - reach) * len(x))) for c in (cx, cy))
        right, bottom = (int((c + reach) * len(x)) + 1 for c in (cx, cy))
        box = np.s_[top:bottom, left:right]
        dx, dy = x[box] - cx, y[box] - cy
        along = dy * nx - dx * ny
        across = wrap(rows[box] - tiles.row[index], scene.periods[own]) + tiles.skew[index] * along
        # Across a small ring the same row passes again, no farther along; only the straight way tells.
        straight = (dx * nx + dy * ny) / 2
        distance = np.square([along / TILE_ELONGATION, across, straight])
        distance = np.square(distance).sum(axis=0)
        wins = (distance < best[box]) & (motif[box] == own)
        best[box][wins] = distance[wins]
        labels[box][wins] = index
    return labels


def row_gradient(scene: Scene, axis: int) -> Array:
    """Differences of the row field along an axis, zero across contours, where they mean nothing."""
    step = wrap(np.roll(scene.rows, -1, axis) - scene.rows, scene.periods[scene.motif])
    return np.where(np.roll(scene.motif, -1, axis) == scene.motif, step, 0)


def relax_tiles(scene: Scene, tiles: Tiles) -> Tiles:
    """Move tiles to their cells' centroids (Lloyd's method), and drop slivers, which neighbors absorb."""
    stride = 2 * SUPERSAMPLING
    fields = (scene.x, scene.y, row_gradient(scene, 1), row_gradient(scene, 0))
    samples = [values[::stride, ::stride].ravel() for values in fields]
    for _ in range(RELAXATIONS):
        labels = assign_pixels(scene, tiles, stride).ravel() + 1
        count = len(tiles.row) + 1
        area = np.bincount(labels, minlength=count)[1:]
        sums = np.stack([np.bincount(labels, v, count)[1:] for v in samples], axis=1).astype(np.float32)
        tiles.center = sums[:, :2] / np.maximum(area, 1)[:, None]
        tiles.normal = sums[:, 2:] / np.maximum(np.linalg.norm(sums[:, 2:], axis=1, keepdims=True), 1e-9)
        keep = area * (stride / scene.side) ** 2 > 0.38 * scene.sizes[tiles.motif] ** 2
        tiles = Tiles(*(values[keep] for values in vars(tiles).values()))
    return tiles


def smooth_noise(side: int, cell: float, rng: np.random.Generator) -> Array:
    """Noise of about unit variance that varies over lengths of `cell`."""
    coarse = rng.normal(size=(round(1 / cell), round(1 / cell))).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def pick_colors(scene: Scene, tiles: Tiles, rng: np.random.Generator) -> Array:
    """RGB in [0, 1] for every tile: a glass of its motif's palette, each piece a little different."""
    column, row = np.clip((tiles.center * scene.side).astype(int), 0, scene.side - 1).T
    glasses = []
    for motif, tone in zip(tiles.motif, scene.tone[row, column] + rng.normal(0, 0.03, len(row)), strict=True):
        palette = scene.palettes[motif]
        glasses.append(GLASS[palette[int(np.clip(tone * len(palette), 0, len(palette) - 1))]])
    rgb = np.array([[glass >> shift & 255 for shift in (16, 8, 0)] for glass in glasses], np.float32) / 255
    hsv = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2HSV)[0]
    hsv[:, 0] = (hsv[:, 0] + rng.normal(0, 4, len(hsv))) % 360
    hsv[:, 1:] = np.clip(hsv[:, 1:] * rng.normal((0.99, 1), (0.07, 0.08), (len(hsv), 2)), 0, 1)
    return np.asarray(cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0], np.float32)


def tile_depth(labels: Labels, rng: np.random.Generator) -> Array:
    """How far every pixel lies inside its tile's face, which has rounded corners; 0 in the grout."""
    side = len(labels)
    glued = labels >= 0
    glued[:, 1:] &= labels[:, 1:] == labels[:, :-1]
    glued[1:] &= labels[1:] == labels[:-1]
    inside = cv2.distanceTransform(glued.astype(np.uint8), cv2.DIST_L2, 5) / side
    grout = GROUT_WIDTH / 2 * np.clip(1 + 0.2 * smooth_noise(side, 0.02, rng), 0.75, 1.5)
    face = (inside > grout).astype(np.float32)
    # Blurring and thresholding rounds the corners; the product keeps it from bridging narrow grout.
    rounded = face * cv2.GaussianBlur(face, (0, 0), 0.0018 * side) > 0.5
    return np.asarray(cv2.distanceTransform(rounded.astype(np.uint8), cv2.DIST_L2, 5) / side, np.float32)


def render(scene: Scene, tiles: Tiles, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light the tiles from the top left and set them in grout. RGB."""
    side = scene.side
    labels = assign_pixels(scene, tiles, 1)
    depth = tile_depth(labels, rng)
    owner = np.maximum(labels, 0)

    bevel = cv2.GaussianBlur(np.minimum(depth, 0.0045), (0, 0), 0.0008 * side)
    light = (np.gradient(bevel, axis=0) + np.gradient(bevel, axis=1)) * side / np.sqrt(2)
    dome = np.minimum(depth, 0.01) - 0.007
    tilt_x, tilt_y = rng.normal(-0.08, 0.08, (2, len(tiles.row))) / scene.sizes[tiles.motif]
    from_left, from_top = scene.x - tiles.center[owner, 0], scene.y - tiles.center[owner, 1]
    sheen = from_left * tilt_x[owner] + from_top * tilt_y[owner]
    texture = 0.018 * smooth_noise(side, 0.008, rng) + 0.02 * smooth_noise(side, 0.03, rng)

    shade = 1 + 0.14 * light + 6 * dome + sheen + texture
    glint = 0.3 * np.clip(light - 0.55, 0, 1)
    glass = pick_colors(scene, tiles, rng)[owner] * shade[..., None] + glint[..., None]
    grout = np.array(GROUT_COLOR) * (1 + 0.15 * smooth_noise(side, 0.004, rng))[..., None]
    return (np.clip(np.where(depth[..., None] > 0, glass, grout), 0, 1) * 255).astype(np.uint8)


def draw(size: int, seed: int) -> NDArray[np.uint8]:
    """Draw the picture, `size` pixels square, RGB; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    scene = build_scene(size * SUPERSAMPLING)
    picture = render(scene, relax_tiles(scene, sow_tiles(scene, rng)), rng)
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Parse the command line and write the picture."""
    parser = argparse.ArgumentParser(description="Draw a glass mosaic of a sun over hills and a sea.")
    parser.add_argument("output", type=Path, help="picture to write (.jpg or .png)")
    parser.add_argument("--size", type=int, default=1200, help="side in pixels (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="seed of all randomness (default: %(default)s)")
    args = parser.parse_args()
    picture = cv2.cvtColor(draw(args.size, args.seed), cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90] if args.output.suffix.lower() in {".jpg", ".jpeg"} else []
    if not cv2.imwrite(str(args.output), picture, options):
        parser.error(f"cannot write {args.output}")


if __name__ == "__main__":
    main()
