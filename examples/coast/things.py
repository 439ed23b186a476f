"""The moving and built things of the example clip: balloons, boats, gulls, a lighthouse.

Each is a signed distance function in its own coordinates inside a bounding sphere, traced only by the rays
that meet that sphere. Point arrays have shape (3, N), colors too and are linear RGB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coast.land import LIGHTHOUSE
from coast.noise import Array, mix, smoothstep


@dataclass(frozen=True)
class Thing:
    """A shape, its place (metres), heading (radians, clockwise from north), scale and colors."""

    center: tuple[float, float, float]
    heading: float
    scale: float
    reach: float
    distance: Callable[[Array], Array]
    color: Callable[[Array], Array]
    glow: float = 0.0
    wake: bool = False

    def to_local(self, vectors: Array) -> Array:
        """Rotate world vectors (3, N) into the thing's axes: x starboard, y ahead, z up."""
        c, s = np.float32(np.cos(self.heading)), np.float32(np.sin(self.heading))
        return np.stack([c * vectors[0] - s * vectors[1], s * vectors[0] + c * vectors[1], vectors[2]])

    def to_world(self, vectors: Array) -> Array:
        """Undo :meth:`to_local`."""
        c, s = np.float32(np.cos(self.heading)), np.float32(np.sin(self.heading))
        return np.stack([c * vectors[0] + s * vectors[1], -s * vectors[0] + c * vectors[1], vectors[2]])


@dataclass(frozen=True)
class Hit:
    """Rays that met a thing: their indices, distances, world normals and colors."""

    rays: NDArray[np.intp]
    t: Array
    normal: Array
    color: Array
    glow: float


def trace(thing: Thing, origin: Array, direction: Array, limit: Array) -> Hit | None:
    """Meet of rays with one thing, nearer than ``limit``; None where no ray comes close."""
    center = np.array(thing.center, np.float32)[:, None]
    offset = origin - center
    along = -(offset * direction).sum(0)
    beside = (offset * offset).sum(0) - along**2
    radius = np.float32(thing.reach * thing.scale)
    near = np.flatnonzero((beside < radius**2) & (along > -radius) & (along - radius < limit))
    if near.size == 0:
        return None
    half = np.sqrt(radius**2 - beside[near])
    scale = np.float32(thing.scale)
    start = thing.to_local(offset[:, near] if offset.shape[1] > 1 else np.repeat(offset, near.size, 1)) / scale
    ahead = thing.to_local(direction[:, near])
    t = np.maximum(along[near] - half, 0) / scale
    end = np.minimum(along[near] + half, limit[near]) / scale
    active = np.arange(near.size)
    hit = np.zeros(near.size, bool)
    for _ in range(70):
        gap = thing.distance(start[:, active] + t[active] * ahead[:, active])
        # Half a pixel's width at the ray's distance: nothing finer can be seen.
        touch = gap < 0.0004 * t[active] + 1e-4
        hit[active[touch]] = True
        active, gap = active[~touch], gap[~touch]
        t[active] += gap * 0.85
        active = active[t[active] < end[active]]
        if active.size == 0:
            break
    if not hit.any():
        return None
    point = start[:, hit] + t[hit] * ahead[:, hit]
    color = thing.color(point)
    return Hit(near[hit], t[hit] * scale, thing.to_world(gradient(thing.distance, point)), color, thing.glow)


def gradient(distance: Callable[[Array], Array], point: Array) -> Array:
    """Unit normal by central differences."""
    step = np.float32(0.01)
    parts = []
    for axis in range(3):
        shift = np.zeros((3, 1), np.float32)
        shift[axis] = step
        parts.append(distance(point + shift) - distance(point - shift))
    normal = np.stack(parts)
    return normal / (np.sqrt((normal**2).sum(0)) + 1e-9)


def capsule(p: Array, a: tuple[float, float, float], b: tuple[float, float, float], radius: float) -> Array:
    """Distance to a rod with round ends."""
    start = np.array(a, np.float32)[:, None]
    axis = np.array(b, np.float32)[:, None] - start
    share = np.clip(((p - start) * axis).sum(0) / (axis**2).sum(), 0, 1)
    return np.sqrt(((p - start - axis * share) ** 2).sum(0)) - np.float32(radius)


def triangle(u: Array, v: Array, corners: list[tuple[float, float]]) -> Array:
    """How far a point lies outside a triangle given anticlockwise (a bound of the distance)."""
    edges = []
    for (au, av), (bu, bv) in zip(corners, corners[1:] + corners[:1], strict=True):
        length = np.hypot(bu - au, bv - av)
        edges.append(((u - au) * (bv - av) - (v - av) * (bu - au)) / np.float32(length))
    return np.maximum(np.maximum(edges[0], edges[1]), edges[2])


def balloon_distance(p: Array) -> Array:
    """Envelope of radius one at the origin tapering to a mouth, lines, and a basket."""
    x, y, z = p
    across, down = np.hypot(x, y), -z
    big, small, drop = 1.0, 0.26, 1.42
    sine = (big - small) / drop
    cosine = np.sqrt(1 - sine**2)
    side = down * cosine - across * sine
    envelope = np.where(
        side < 0,
        np.hypot(across, down) - big,
        np.where(
            side > cosine * drop,
            np.hypot(across, down - drop) - small,
            across * cosine + down * sine - big,
        ),
    )
    basket = np.maximum(np.maximum(np.abs(x), np.abs(y)) - 0.17, np.abs(z + 2.13) - 0.14)
    spread = 0.16 + 0.10 * (z + 2.0) / 0.45
    lines = np.hypot(np.abs(x) - spread * 0.75, np.abs(y) - spread * 0.75)
    lines = np.maximum(lines - 0.012, np.abs(z + 1.8) - 0.25)
    return np.minimum(np.minimum(envelope, basket), lines)


def balloon_colors(*stripes: tuple[float, float, float]) -> Callable[[Array], Array]:
    """Vertical gores in turn, a belt in the last color, a wicker basket."""
    table = np.array(stripes, np.float32)
    belt = table[-1][:, None]

    def color(p: Array) -> Array:
        gore = (np.arctan2(p[1], p[0]) / (2 * np.pi) + 0.5) * 12
        seam = 1 - 0.25 * smoothstep(0.36, 0.5, np.abs(gore - np.floor(gore) - 0.5))
        cloth = table[gore.astype(int) % (len(table) - 1)].T * seam
        cloth = np.where((np.abs(p[2] + 0.12) < 0.17) | (p[2] < -1.22), belt, cloth)
        wicker = np.array([[0.22], [0.11], [0.04]], np.float32)
        return np.where(p[2] < -1.72, wicker, cloth).astype(np.float32)

    return color


def boat_distance(p: Array) -> Array:
    """A sloop nine units long either way... bow along +y, water line at z = 0."""
    x, y, z = p
    beam = 1.9 * np.sqrt(np.clip(1 - ((y + 1.5) / 8.6) ** 2, 0, 1)) * (0.72 + 0.16 * z)
    sheer = 1.25 + 0.012 * (y + 2) ** 2
    hull = np.maximum(np.maximum(np.abs(x) - beam, z - sheer), np.maximum(-z - 1, np.abs(y + 0.5) - 7.6)) * 0.7
    cabin = np.maximum(np.maximum(np.abs(x) - 0.8, np.abs(y + 0.6) - 2.2), np.abs(z - 1.7) - 0.6)
    mast = capsule(p, (0, 0.7, 0), (0, 0.7, 21), 0.13)
    belly = 1.5 * np.sin(np.clip((z - 2) / 19, 0, 1) * np.pi)
    main = np.maximum(triangle(y, z, [(-6.8, 2.9), (0.5, 2.9), (0.5, 20.4)]), np.abs(x - 0.5 * belly) - 0.12)
    jib = np.maximum(triangle(y, z, [(1.3, 2.2), (7.6, 1.9), (1.0, 18.0)]), np.abs(x - 0.7 * belly) - 0.12)
    sails = np.minimum(main, jib) * 0.9
    return np.minimum(np.minimum(hull, cabin), np.minimum(mast, sails))


def boat_colors(sail: tuple[float, float, float], stripe: tuple[float, float, float]) -> Callable[[Array], Array]:
    """Sails with two colored bands over a dark hull with a light rail."""

    def color(p: Array) -> Array:
        def tint(rgb: tuple[float, float, float]) -> Array:
            return np.array(rgb, np.float32)[:, None]

        cloth = np.where((np.abs(p[2] - 8.5) < 1.3) | (np.abs(p[2] - 13) < 1), tint(stripe), tint(sail))
        hull = np.where(p[2] > 1.0, tint((0.75, 0.66, 0.5)), tint((0.06, 0.10, 0.22)))
        hull = np.where(p[2] < 0.25, tint((0.5, 0.04, 0.03)), hull)
        return np.where(p[2] > 2.35, cloth, hull).astype(np.float32)

    return color


def tower_distance(p: Array) -> Array:
    """A lighthouse 24 units high with a gallery, a lantern and a cap, and a keeper's house beside it."""
    x, y, z = p
    across = np.hypot(x, y)
    shaft = np.maximum(across - (3.2 - 0.055 * z), z - 19)
    gallery = np.maximum(across - 3.0, np.abs(z - 19.2) - 0.35)
    lantern = np.maximum(across - 1.5, z - 22.6)
    cap = np.maximum(across - 1.1 * (24.8 - z), 22.4 - z) * 0.65
    tower = np.minimum(np.minimum(shaft, gallery), np.minimum(lantern, cap))
    u, v = x - 9.5, y + 1
    walls = np.maximum(np.maximum(np.abs(u) - 4.5, np.abs(v) - 3), z - 4)
    roof = np.maximum(np.maximum(np.abs(u) - 5, z - 6.6 + 0.8 * np.abs(v)), 3.6 - z) * 0.75
    return np.minimum(tower, np.minimum(walls, roof))


def tower_colors(p: Array) -> Array:
    """Red and white bands, red roofs, a lit lantern."""
    white = np.array([[0.85], [0.82], [0.76]], np.float32)
    red = np.array([[0.62], [0.035], [0.03]], np.float32)
    lamp = np.array([[3.5], [2.2], [0.8]], np.float32)
    house = p[0] > 4.2
    banded = np.where(np.floor(p[2] / 4.75) % 2 == 1, red, white)
    banded = np.where((p[2] > 19.6) & (p[2] < 22.4), lamp, np.where(p[2] >= 22.4, red, banded))
    return np.where(house, np.where(p[2] > 3.9, red, white), banded).astype(np.float32)


def gull(flap: float) -> Callable[[Array], Array]:
    """A bird of half span two, its wings raised by ``flap``."""

    def distance(p: Array) -> Array:
        # Flattened space makes rods into blades: wings with a chord.
        x, y, z = np.abs(p[0]), p[1], p[2]
        body = capsule(np.stack([x, y, z]), (0, -0.6, 0), (0, 0.5, 0.05), 0.16)
        inner_lift, outer_lift = 0.85 * flap * np.clip(x, 0, 1), 0.2 * flap * np.clip(x - 1, 0, None)
        blade = np.stack([x, y, (z - 0.08 - inner_lift + outer_lift) * 3.2])
        inner = capsule(blade, (0.0, 0.05, 0), (0.9, 0.2, 0), 0.27)
        outer = capsule(blade, (0.9, 0.2, 0), (2.0, -0.25, 0), 0.17)
        return np.minimum(body, np.minimum(inner, outer) * 0.28)

    return distance


def gull_colors(p: Array) -> Array:
    """White with gray shoulders and dark wing tips."""
    white = np.array([[0.95], [0.93], [0.9]], np.float32)
    return white * mix(1.0, 0.12, smoothstep(1.35, 1.7, np.abs(p[0])))


def things(seconds: float) -> list[Thing]:
    """All things at a time of the clip."""
    red, white, gold = (0.75, 0.03, 0.02), (0.9, 0.85, 0.75), (0.95, 0.50, 0.02)
    blue, teal, orange = (0.03, 0.09, 0.50), (0.02, 0.38, 0.42), (0.90, 0.24, 0.02)
    violet, yellow = (0.22, 0.03, 0.32), (0.95, 0.68, 0.05)
    s = seconds
    fleet = [
        ((-76 + 2.6 * s, 470 + 1.0 * s, 74 + 0.9 * s), 13.0, (red, gold, red, white, blue)),
        ((118 - 3 * s, 300 + 2.0 * s, 92 - 0.8 * s), 12.0, (blue, white, orange)),
        ((20 - 3 * s, 700, 128 + 0.6 * s), 13.0, (yellow, violet, yellow, violet, white)),
        ((-420 + 3 * s, 900, 165), 13.0, (teal, white, teal, orange, orange)),
        ((-150 + 3 * s, 1250, 200), 14.0, (orange, yellow, red)),
    ]
    found = [
        Thing(place, 0.15 * s + i, size, 2.35, balloon_distance, balloon_colors(*stripes), 0.55)
        for i, (place, size, stripes) in enumerate(fleet)
    ]
    bob = 0.25 * np.sin(1.9 * s)
    found += [
        Thing((-118 + 3.2 * s, 476 + 2.2 * s, bob), 0.97, 1.15, 22.5, boat_distance,
              boat_colors(white, red), 0.35, wake=True),
        Thing((-238 - 2.4 * s, 545 - 0.9 * s, -bob), -1.93, 1.1, 22.5, boat_distance,
              boat_colors(orange, white), 0.35, wake=True),
        Thing((*LIGHTHOUSE, 16.2), 0.4, 1.15, 26, tower_distance, tower_colors),
    ]  # fmt: skip
    for i, (x, y, z) in enumerate(((0, 0, 0), (-6, 7, 2), (8, -6, -1), (14, 4, 3), (4, 13, 0))):
        place = (-20 + x - 3.6 * s, 75 + y + 59 * s, 60 + z - 2.4 * s + 0.7 * np.sin(1.3 * s + i))
        flap = np.sin(9.0 * s + 1.7 * i) * 0.65 + 0.3
        found.append(Thing(place, -0.06, 1.25, 2.4, gull(flap), gull_colors, 0.25))
    return found
