"""Draw the style picture of the shipped ``mosaic`` style: a glass mosaic of a sun over hills and a sea.

The picture is our own and wholly procedural, so the style trained on it carries nobody else's rights::

    python examples/draw_mosaic.py examples/mosaic.jpg --size 1200 --seed 7

A scene is a stack of motifs. Each motif has a mask, a field whose level sets are its rows of tiles, a tile size
and a palette of glasses. Tiles are the cells of a centroidal Voronoi diagram whose metric follows the rows
(after A. Hausner, "Simulating Decorative Mosaics", SIGGRAPH 2001), cut at the motifs' contours.
Lengths are fractions of the picture's side, so the composition is the same at every size.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Labels = NDArray[np.int32]

SUPERSAMPLING = 2
RELAXATIONS = 8
TILE_ELONGATION = 1.15
GROUT_WIDTH = 0.0031
GROUT_COLOUR = (0.055, 0.045, 0.085)
NO_PERIOD = 1e3

GLASS = {
    "ivory": "#fff3d2",
    "lemon": "#ffe15a",
    "gold": "#ffc020",
    "amber": "#ff9413",
    "orange": "#fb6a12",
    "vermilion": "#ee3a1c",
    "crimson": "#c4123a",
    "garnet": "#7d0c35",
    "rose": "#ff6d86",
    "magenta": "#c42a94",
    "violet": "#7a34c8",
    "plum": "#43187d",
    "ultramarine": "#2a2fc4",
    "cobalt": "#1450d6",
    "azure": "#1e86f0",
    "sky": "#5fc0f8",
    "turquoise": "#10bfc8",
    "aqua": "#7be8dc",
    "emerald": "#0a9a58",
    "jade": "#35c46c",
    "lime": "#b4dc34",
    "forest": "#07553f",
    "navy": "#10175c",
    "ink": "#0f0d2c",
}


@dataclass
class Motif:
    """The tile size (fraction of the side), palette and row period of one motif."""

    tile: float
    palette: list[str]
    period: float


@dataclass
class Scene:
    """Rasters over the picture: coordinates, motif index, row field, and place in the motif's palette."""

    side: int
    motifs: list[Motif] = field(default_factory=list)

    def __post_init__(self) -> None:
        axis = (np.arange(self.side, dtype=np.float32) + 0.5) / self.side
        self.x, self.y = np.meshgrid(axis, axis)
        self.motif = np.zeros((self.side, self.side), np.int32)
        self.rows = np.zeros_like(self.x)
        self.tone = np.zeros_like(self.x)

    def add(
        self,
        mask: NDArray[np.bool_],
        rows: Array,
        tone: Array,
        tile: float,
        palette: str,
        period: float = NO_PERIOD,
    ) -> None:
        """Lay a motif over what is there; `tone` in [0, 1] picks from the palette, `rows` wraps at `period`."""
        self.motif[mask] = len(self.motifs)
        self.rows[mask] = rows[mask]
        self.tone[mask] = tone[mask]
        self.motifs.append(Motif(tile, palette.split(), period))

    def polar(self, cx: float, cy: float) -> tuple[Array, Array]:
        """Radius and angle of every pixel about a centre."""
        return np.hypot(self.x - cx, self.y - cy), np.arctan2(self.y - cy, self.x - cx)


def wrap(difference: Array, period: float | Array) -> Array:
    """Bring differences of a periodic field into half a period either side of zero."""
    return difference - period * np.round(difference / period)


def add_gem(scene: Scene, cx: float, cy: float, radius: float, glass: str) -> None:
    """Add a round tile; its size is larger than the disc, so that no second tile finds room."""
    r, _ = scene.polar(cx, cy)
    scene.add(r < radius, np.full_like(r, 1.1 * radius), r, 2.2 * radius, glass)


def add_whirl(
    scene: Scene, cx: float, cy: float, radius: float, turns: int, tile: float, palette: str
) -> None:
    """Add a disc whose rows wind about a gem; a period is a whole number of rows so that the winding closes."""
    r, theta = scene.polar(cx, cy)
    period = turns * tile
    rows = r + period * theta / (2 * np.pi)
    scene.add(r < radius, rows, (rows / period) % 1, tile, palette, period)
    add_gem(scene, cx, cy, 0.8 * tile, palette.split()[0])


def add_sky(scene: Scene) -> None:
    """Add sky in rings about the sun and the whirls, the whirls, stars, and the glow that the sun stands in."""
    centres = [(0.41, 0.32, 0.335), (0.87, 0.17, 0.125), (0.02, 0.03, 0.115), (0.98, 0.50, 0.085)]
    distances = np.stack([scene.polar(cx, cy)[0] - radius for cx, cy, radius in centres])
    nearest = distances.argmin(axis=0)
    for index, distance in enumerate(distances):
        tone = (distance + 0.012 * np.sin(17 * scene.x + 9 * scene.y)) / 0.13
        scene.add(nearest == index, distance, tone, 0.027, "navy ultramarine cobalt azure sky turquoise")
    add_whirl(scene, 0.87, 0.17, 0.125, 4, 0.024, "ivory aqua turquoise cobalt")
    add_whirl(scene, 0.02, 0.03, 0.115, 4, 0.024, "lemon rose magenta violet")
    add_whirl(scene, 0.98, 0.50, 0.085, 3, 0.024, "lemon jade turquoise")
    for cx, cy in ((0.725, 0.045), (0.86, 0.36), (0.06, 0.26), (0.055, 0.50)):
        r, _ = scene.polar(cx, cy)
        scene.add(r < 0.042, r - 0.017, r, 0.025, "gold")
        add_gem(scene, cx, cy, 0.017, "ivory")
    r, theta = scene.polar(0.41, 0.32)
    tone = (r - 0.16) / 0.175 + 0.03 * np.sin(12 * theta)
    scene.add(r < 0.335, r - 0.157, tone, 0.0254, "garnet crimson vermilion orange rose magenta violet plum")


def add_sun(scene: Scene) -> None:
    """Add a disc of rings in a crown of pointed rays."""
    r, theta = scene.polar(0.41, 0.32)
    across = np.abs(wrap(theta * 12 / (2 * np.pi), 1.0)) * 2
    scene.add(r < 0.29 - 0.155 * across, r - 0.157, (r - 0.15) / 0.14, 0.025, "ivory lemon gold amber")
    scene.add(r < 0.157, r - 0.131, r, 0.026, "vermilion")
    scene.add(r < 0.131, r - 0.021, r / 0.131, 0.0275, "ivory ivory lemon gold amber")
    add_gem(scene, 0.41, 0.32, 0.021, "ivory")


def add_land(scene: Scene, level: Array, depth: float, tile: float, palette: str) -> None:
    """Add everything below the curve y = level(x), in rows that follow the curve."""
    slope = np.gradient(level[0], 1.0 / scene.side)
    rows = ((scene.y - level) / np.sqrt(1 + slope**2)).astype(np.float32)
    scene.add(rows > 0, rows, rows / depth, tile, palette)


def add_hills(scene: Scene) -> None:
    """Add three ranges of hills, the far one violet, the near ones warm and green."""
    x = scene.x
    add_land(scene, 0.60 - 0.06 * np.sin(5.2 * x + 0.4), 0.13, 0.025, "lemon lime jade emerald forest")
    add_land(scene, 0.65 + 0.050 * np.sin(5.6 * x + 0.2), 0.13, 0.025, "gold amber orange vermilion crimson")
    add_land(scene, 0.715 - 0.045 * np.sin(5.0 * x - 0.9), 0.11, 0.025, "rose magenta violet plum")


def add_sea(scene: Scene) -> None:
    """Add three swells with curling crests."""
    x = scene.x
    add_land(
        scene, 0.775 + 0.018 * np.sin(15 * x + 1.0), 0.12, 0.025, "ivory aqua turquoise azure cobalt navy"
    )
    add_whirl(scene, 0.25, 0.835, 0.085, 3, 0.024, "ivory turquoise cobalt")
    add_land(
        scene, 0.860 + 0.022 * np.sin(12 * x - 0.5), 0.12, 0.026, "aqua turquoise cobalt ultramarine navy"
    )
    add_whirl(scene, 0.63, 0.905, 0.085, 3, 0.024, "ivory aqua ultramarine")
    add_land(scene, 0.940 + 0.018 * np.sin(13 * x + 2.2), 0.08, 0.026, "ivory azure ultramarine ink")


def add_polygon(
    scene: Scene, corners: list[tuple[float, float]], sag: float, tile: float, palette: str
) -> None:
    """Add a polygon in rows that hang by `sag` from its top corner, and take its palette from top to bottom."""
    points = np.array(corners, np.float32)
    canvas = np.zeros((scene.side, scene.side), np.uint8)
    cv2.fillPoly(canvas, [np.int32(points * scene.side)], 1)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    rows = scene.y - top + sag * np.square((scene.x - left) / (right - left) * 2 - 1)
    scene.add(canvas > 0, rows, rows / (bottom - top), tile, palette)


def add_boat(scene: Scene) -> None:
    """Add a boat with two sails."""
    stripes = "crimson ivory vermilion ivory crimson ivory vermilion"
    add_polygon(scene, [(0.73, 0.44), (0.75, 0.74), (0.575, 0.74)], 0.02, 0.025, stripes)
    add_polygon(scene, [(0.755, 0.48), (0.885, 0.74), (0.76, 0.74)], 0.02, 0.025, "ivory lemon " * 4)
    add_polygon(scene, [(0.742, 0.42), (0.76, 0.42), (0.766, 0.74), (0.742, 0.74)], 0, 0.024, "garnet")
    add_polygon(
        scene, [(0.55, 0.735), (0.92, 0.735), (0.85, 0.82), (0.62, 0.82)], 0, 0.025, "gold crimson garnet"
    )


def build_scene(side: int) -> Scene:
    """Stack the motifs from back to front."""
    scene = Scene(side)
    for add in (add_sky, add_sun, add_hills, add_boat, add_sea):
        add(scene)
    return scene


@dataclass
class Tiles:
    """One entry a tile: centre, motif, tile size, row value and period, row normal, and skew of its cut."""

    centre: Array
    motif: Labels
    size: Array
    row: Array
    period: Array
    normal: Array
    skew: Array

    def select(self, keep: NDArray[np.bool_]) -> Tiles:
        """The tiles for which `keep` holds."""
        return Tiles(*(values[keep] for values in vars(self).values()))


def sow_tiles(scene: Scene, rng: np.random.Generator) -> Tiles:
    """Throw darts on the centre lines of the rows, a tile's length apart within a row."""
    stride = max(1, scene.side // 400)
    grid = np.s_[::stride, ::stride]
    motif = scene.motif[grid].ravel()
    size = np.array([m.tile for m in scene.motifs], np.float32)[motif]
    period = np.array([m.period for m in scene.motifs], np.float32)[motif]
    row = np.floor(scene.rows[grid].ravel() / size)
    line = (row + 0.5) * size
    points = np.stack([scene.x[grid].ravel(), scene.y[grid].ravel()], axis=1)
    near = np.flatnonzero(np.abs(scene.rows[grid].ravel() - line) < 0.2 * size)
    taken: dict[tuple[int, int], list[Array]] = {}
    chosen = []
    for index in rng.permutation(near):
        line_points = taken.setdefault((int(motif[index]), int(row[index])), [])
        gap = 0.82 * TILE_ELONGATION * size[index]
        if not line_points or np.square(np.array(line_points) - points[index]).sum(axis=1).min() > gap**2:
            line_points.append(points[index])
            chosen.append(index)
    count = len(chosen)
    jitter = rng.normal(0, 0.06, count).astype(np.float32) * size[chosen]
    normal = np.tile(np.float32([0, 1]), (count, 1))
    skew = rng.normal(0, 0.10, count).astype(np.float32)
    return Tiles(
        points[chosen], motif[chosen], size[chosen], line[chosen] + jitter, period[chosen], normal, skew
    )


def assign_pixels(scene: Scene, tiles: Tiles, stride: int) -> Labels:
    """Index of the nearest tile of the same motif for every `stride`-th pixel, -1 where none is in reach."""
    grid = np.s_[::stride, ::stride]
    x, y, rows, motif = scene.x[grid], scene.y[grid], scene.rows[grid], scene.motif[grid]
    best = np.full(x.shape, np.inf, np.float32)
    labels = np.full(x.shape, -1, np.int32)
    for index, (cx, cy) in enumerate(tiles.centre):
        reach = 2.0 * tiles.size[index]
        low = np.maximum(((np.array([cy, cx]) - reach) * len(x)).astype(int), 0)
        high = ((np.array([cy, cx]) + reach) * len(x)).astype(int) + 1
        box = np.s_[low[0] : high[0], low[1] : high[1]]
        nx, ny = tiles.normal[index]
        along = (y[box] - cy) * nx - (x[box] - cx) * ny
        across = wrap(rows[box] - tiles.row[index], tiles.period[index]) + tiles.skew[index] * along
        distance = np.square(np.square(along / TILE_ELONGATION)) + np.square(np.square(across))
        wins = (distance < best[box]) & (motif[box] == tiles.motif[index])
        best[box][wins] = distance[wins]
        labels[box][wins] = index
    return labels


def row_normals(scene: Scene) -> tuple[Array, Array]:
    """Gradient of the row field, zero across contours, where it means nothing."""
    period = np.array([m.period for m in scene.motifs], np.float32)[scene.motif]
    gradients = []
    for axis in (1, 0):
        step = wrap(np.roll(scene.rows, -1, axis) - scene.rows, period)
        gradients.append(np.where(np.roll(scene.motif, -1, axis) == scene.motif, step, 0).astype(np.float32))
    return gradients[0], gradients[1]


def relax_tiles(scene: Scene, tiles: Tiles) -> Tiles:
    """Move tiles to their cells' centroids (Lloyd's method), then drop slivers, which neighbours absorb."""
    stride = 2 * SUPERSAMPLING
    grid = np.s_[::stride, ::stride]
    fields = [values[grid].ravel() for values in (scene.x, scene.y, *row_normals(scene))]
    for _ in range(RELAXATIONS):
        labels = assign_pixels(scene, tiles, stride).ravel() + 1
        area = np.bincount(labels, minlength=len(tiles.row) + 1)[1:]
        sums = [np.bincount(labels, values, len(area) + 1)[1:].astype(np.float32) for values in fields]
        tiles.centre = np.stack(sums[:2], axis=1) / np.maximum(area, 1)[:, None]
        length = np.maximum(np.hypot(sums[2], sums[3]), 1e-9)
        tiles.normal = np.stack(sums[2:], axis=1) / length[:, None]
        tiles = tiles.select(area * (stride / scene.side) ** 2 > 0.3 * tiles.size**2)
    return tiles


def smooth_noise(side: int, cell: float, rng: np.random.Generator) -> Array:
    """Noise of unit variance or less that varies over about `cell` (fraction of the side)."""
    count = max(2, round(1 / cell))
    coarse = rng.normal(size=(count, count)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def pick_colours(scene: Scene, tiles: Tiles, rng: np.random.Generator) -> Array:
    """RGB in [0, 1] for every tile: a glass of its motif's palette, each piece a little different."""
    pixel = np.clip((tiles.centre * scene.side).astype(int), 0, scene.side - 1)
    tone = scene.tone[pixel[:, 1], pixel[:, 0]]
    colours = np.empty((len(tone), 3), np.float32)
    for index, (motif, t) in enumerate(zip(tiles.motif, tone, strict=True)):
        palette = scene.motifs[motif].palette
        place = round(float(np.clip(t, 0, 1)) * len(palette) - 0.5 + rng.normal(0, 0.3))
        glass = GLASS[palette[min(max(place, 0), len(palette) - 1)]]
        colours[index] = [int(glass[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    hsv = cv2.cvtColor(colours[None], cv2.COLOR_RGB2HSV)[0]
    hsv[:, 0] = (hsv[:, 0] + rng.normal(0, 4.0, len(hsv))) % 360
    hsv[:, 1] *= 1 + rng.normal(-0.02, 0.07, len(hsv))
    hsv[:, 2] *= 1 + rng.normal(0, 0.08, len(hsv))
    return cv2.cvtColor(np.clip(hsv, 0, (360, 1, 1)).astype(np.float32)[None], cv2.COLOR_HSV2RGB)[0]


def tile_faces(labels: Labels, rng: np.random.Generator) -> Array:
    """How far every pixel lies inside its tile's rounded face (fraction of the side), 0 in the grout."""
    side = len(labels)
    seam = np.zeros(labels.shape, bool)
    seam[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    seam[1:] |= labels[1:] != labels[:-1]
    inside = cv2.distanceTransform((~(seam | (labels < 0))).astype(np.uint8), cv2.DIST_L2, 5) / side
    face = (inside > GROUT_WIDTH / 2 * np.clip(1 + 0.2 * smooth_noise(side, 0.02, rng), 0.75, 1.5)).astype(
        np.float32
    )
    rounded = (face > 0) & (cv2.GaussianBlur(face, (0, 0), 0.0018 * side) > 0.5)
    return cv2.distanceTransform(rounded.astype(np.uint8), cv2.DIST_L2, 5) / side


def render(scene: Scene, tiles: Tiles, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light the tiles from the top left and set them in grout. RGB."""
    labels = assign_pixels(scene, tiles, 1)
    depth = tile_faces(labels, rng)
    side = scene.side
    index = np.maximum(labels, 0)

    bevel = cv2.GaussianBlur(np.minimum(depth, 0.0045), (0, 0), 0.0008 * side)
    light = -(np.gradient(bevel, axis=0) + np.gradient(bevel, axis=1)) * side
    light = -light / np.sqrt(2)
    tilt = rng.normal(0, 1, (len(tiles.row), 2)).astype(np.float32) * 0.05 + np.float32([-0.05, -0.05])
    offset = np.stack([scene.x, scene.y], axis=-1) - tiles.centre[index]
    sheen = (offset * tilt[index]).sum(axis=-1) / tiles.size[index]
    streaks = 0.018 * smooth_noise(side, 0.008, rng) + 0.02 * smooth_noise(side, 0.03, rng)

    colour = pick_colours(scene, tiles, rng)[index]
    shade = 1 + 0.14 * light + 1.6 * sheen + streaks + 6 * (np.minimum(depth, 0.01) - 0.007)
    glint = np.clip(light - 0.55, 0, 1) * 0.3
    glass = np.clip(colour * shade[..., None] + glint[..., None], 0, 1)
    grout = np.float32(GROUT_COLOUR) * (1 + 0.15 * smooth_noise(side, 0.004, rng))[..., None]
    return np.clip(np.where(depth[..., None] > 0, glass, grout) * 255, 0, 255).astype(np.uint8)


def draw(size: int, seed: int) -> NDArray[np.uint8]:
    """Draw the picture, `size` pixels square, RGB; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    scene = build_scene(size * SUPERSAMPLING)
    tiles = relax_tiles(scene, sow_tiles(scene, rng))
    return cv2.resize(render(scene, tiles, rng), (size, size), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Parse the command line and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="picture to write (.jpg or .png)")
    parser.add_argument("--size", type=int, default=1200, help="side in pixels (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=7, help="seed of every random choice (default: %(default)s)"
    )
    args = parser.parse_args()
    picture = cv2.cvtColor(draw(args.size, args.seed), cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(args.output), picture, [cv2.IMWRITE_JPEG_QUALITY, 90]):
        parser.error(f"cannot write {args.output}")


if __name__ == "__main__":
    main()
