"""The example clip's camera, sky, water and light: one call gives the picture at a time of the clip.

Rays are marched over the baked height map, things are traced by distance, water sends one reflected ray on.
Ray arrays have shape (3, N); colors are linear RGB until the last step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from coast import water
from coast.ground import FAR, grain_tile, march, shade_ground
from coast.land import bake
from coast.noise import Array, mix
from coast.sky import SECONDS, Light, clouds, haze, light_at, rgb, sky
from coast.things import Thing, things, trace

FIELD_OF_VIEW = math.radians(66.0)
HORIZON = 30000.0
BAND = 40000


@dataclass(frozen=True)
class Moment:
    """What the rays of one frame share; ``pixel`` is the width of a ray's footprint at distance one."""

    seconds: float
    light: Light
    placed: list[Thing]
    pixel: float


def camera(seconds: float) -> tuple[Array, Array]:
    """Position (3, 1) and the axes right, forward, up as columns of a matrix."""
    share = seconds / SECONDS
    turn = 3 * share**2 - 2 * share**3
    yaw = np.deg2rad(9.0 - 33.0 * turn)
    roll = np.deg2rad(-5.5) * 4 * share * (1 - share)
    pitch = np.deg2rad(-6.5 + 1.5 * turn)
    position = rgb(12 - 46 * share**2, 310 * share, 72 - 12 * turn)
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    level = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
    above = np.cross(level, forward)
    right = np.cos(roll) * level - np.sin(roll) * above
    up = np.sin(roll) * level + np.cos(roll) * above
    return position, np.stack([right, forward, up], 1).astype(np.float32)


def view_rays(width: int, height: int, axes: Array) -> Array:
    """Unit directions of all pixel centers, (3, H * W), row by row."""
    reach = np.tan(FIELD_OF_VIEW / 2)
    u = ((np.arange(width) + 0.5) / width * 2 - 1) * reach
    v = (1 - (np.arange(height) + 0.5) / height * 2) * reach * height / width
    u, v = (a.ravel() for a in np.meshgrid(u, v))
    local = np.stack([u, np.ones_like(u), v]).astype(np.float32)
    rays = axes @ local
    return rays / np.sqrt((rays**2).sum(0))


def shade_thing(light: Light, normal: Array, albedo: Array, glow: float) -> Array:
    """Color of cloth, paint and feathers; ``glow`` is the light that shines through them."""
    facing = (normal * light.sun).sum(0)
    lit = np.clip(facing, 0, 1) + glow * (0.35 + 0.25 * np.clip(-facing, 0, 1))
    return albedo * (light.sun_color * lit + light.ambient * (0.75 + 0.25 * normal[2]))


def solid_scene(now: Moment, origin: Array, direction: Array, limit: Array) -> tuple[Array, Array]:
    """Distance and color of land and things met before ``limit``; distance inf elsewhere."""
    t = march(origin, direction, limit, now.pixel)
    color = np.zeros((3, t.size), np.float32)
    hits = [trace(thing, origin, direction, np.minimum(limit, t)) for thing in now.placed]
    ground = np.flatnonzero(np.isfinite(t))
    o = origin[:, ground] if origin.shape[1] > 1 else origin
    p = o + t[ground] * direction[:, ground]
    color[:, ground] = shade_ground(now.light, p, t[ground], now.pixel)
    for hit in hits:
        if hit is None:
            continue
        nearer = hit.t < t[hit.rays]
        rays = hit.rays[nearer]
        t[rays] = hit.t[nearer]
        color[:, rays] = shade_thing(now.light, hit.normal[:, nearer], hit.color[:, nearer], hit.glow)
    solid = np.flatnonzero(np.isfinite(t))
    color[:, solid] = haze(now.light, direction[:, solid], t[solid], color[:, solid])
    return t, color


def water_color(now: Moment, eye: Array, direction: Array, t: Array) -> Array:
    """Color of the sea where rays meet it at distances ``t``."""
    p = eye + t * direction
    footprint = t * np.float32(now.pixel) / np.maximum(-direction[2], 0.02)
    slopes, variance = water.slopes_at(p, footprint, now.seconds)
    away, cosine = water.mirrored(direction, slopes, variance)
    p[2] = 0.05
    reach = np.full(t.shape, 2600.0, np.float32)
    met, seen = solid_scene(replace(now, pixel=2 * now.pixel), p, away, reach)
    reflected = np.where(np.isfinite(met), seen, sky(now.light, away) * 0.95)
    grazing = (1 - cosine) ** 5
    fresnel = 0.02 + 0.98 * grazing / (1 + 9 * np.sqrt(variance))
    body, foam, white = water.shade(now.light, now.placed, p, slopes, variance, now.seconds)
    glints = water.glitter(now.light, direction, slopes, variance) * (0.02 + 0.98 * grazing)
    color = mix(body, reflected, fresnel) + now.light.sun_color * np.clip(0.10 * glints, 0, 2.5)
    return haze(now.light, direction, t, mix(color, white, foam))


def develop(linear: Array, width: int, height: int) -> NDArray[np.uint8]:
    """Bloom, film curve, gamma: (H, W, 3) uint8 from linear light of the same size."""
    image = np.ascontiguousarray(linear.T).reshape(height, width, 3)
    small = cv2.resize(np.clip(image - 1.0, 0, 6), (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    bloom = cv2.GaussianBlur(small, (0, 0), width / 160) + 0.6 * cv2.GaussianBlur(small, (0, 0), width / 40)
    image = 0.80 * (image + 0.28 * cv2.resize(bloom, (width, height), interpolation=cv2.INTER_LINEAR))
    image = image * (2.51 * image + 0.03) / (image * (2.43 * image + 0.59) + 0.14)
    gray = image @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    image = np.clip(mix(gray[..., None], image, np.float32(1.15)), 0, 1)
    image = mix(image, image * image * (3 - 2 * image), np.float32(0.25))
    encoded = np.where(image < 0.0031308, image * 12.92, 1.055 * np.maximum(image, 1e-6) ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


def trace_band(now: Moment, eye: Array, direction: Array) -> Array:
    """Linear color that comes back along some of the camera's rays."""
    to_water = np.where(direction[2] < -1e-4, -eye[2] / np.minimum(direction[2], -1e-4), np.inf)
    t, color = solid_scene(now, eye, direction, np.minimum(to_water, FAR))
    empty = ~np.isfinite(t)
    up, wet = np.flatnonzero(empty & (to_water >= HORIZON)), np.flatnonzero(empty & (to_water < HORIZON))
    color[:, up] = sky(now.light, direction[:, up])
    color[:, wet] = water_color(now, eye, direction[:, wet], to_water[wet])
    return color


def picture(seconds: float, width: int, height: int) -> NDArray[np.uint8]:
    """The frame at a time, (H, W, 3) uint8 RGB, from four rays a pixel."""
    eye, axes = camera(seconds)
    direction = view_rays(2 * width, 2 * height, axes)
    now = Moment(seconds, light_at(seconds), things(seconds), math.tan(FIELD_OF_VIEW / 2) / width)
    # Bands small enough for the processor's cache are several times faster than the whole picture at once.
    bands = np.array_split(direction, max(1, direction.shape[1] // BAND), axis=1)
    color = np.concatenate([trace_band(now, eye, band) for band in bands], axis=1)
    frame = cv2.resize(develop(color, 2 * width, 2 * height), (width, height), interpolation=cv2.INTER_AREA)
    return frame.astype(np.uint8, copy=False)


def prepare() -> None:
    """Build everything that frames share."""
    for build in (bake, clouds, water.wave_tiles, grain_tile):
        build()
