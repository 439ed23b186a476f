"""Fine texture that is new in every frame, averaged along the motion."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.carrying import moved, sample, stretch
from reconet_cli.stylizing.deflicker.following import coordinates
from reconet_cli.stylizing.deflicker.motion import Motion, half_luma
from reconet_cli.stylizing.deflicker.scratch import Scratch
from reconet_cli.stylizing.effects.blend import blend_by_mask

_CARRIED = 0.8  # share of what was shown before, where it fits
_NEAR = (5, 5)
_LOST = 2.5  # times what grain alone makes: nothing is carried from here on, all of it at one time less
_MOST = 1.5  # times the grain: the gap may be this large on average
_COARSE = 24  # px: light and color of neighborhoods of this size are those of the new frame


class TextureFilter:
    """Call it with each frame of a scene, in order; a new scene needs a new one."""

    def __init__(self, strength: float, grain: float) -> None:
        """`strength` in [0, 1], 0 changes nothing; `grain` is how much is new in a frame (`measuring.grain`)."""
        self._grain = grain
        self._carried = np.empty(0)
        self._share = _CARRIED * strength
        self._motion = Motion()
        self._scratch = Scratch()
        self._luma: np.ndarray | None = None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """RGB `(H, W, 3)`, uint8 or uint16, with the texture of the frames before mixed in where it fits."""
        if self._share == 0:
            return frame
        fresh: np.ndarray = cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA)
        if self._luma is None:
            self._carried, self._luma = fresh, half_luma(frame)
            self._grid = coordinates(self._luma.shape)
            return frame
        luma = half_luma(frame)
        flow = self._motion(luma, self._luma)
        ends = cv2.add(self._grid, flow)
        fit = fitting(cv2.absdiff(luma, sample(self._luma, ends)), stretch(flow), self._grain)
        before = moved(self._carried, flow, self._scratch)
        height, width = fresh.shape[:2]
        share = cv2.resize(fit, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width] * self._share
        self._carried = blend_by_mask(fresh, _in_the_light_of(fresh, before), share)
        result: np.ndarray = cv2.cvtColor(self._carried, cv2.COLOR_RGBA2RGB)
        self._luma = half_luma(result)
        return result


def fitting(gap: np.ndarray, stretched: np.ndarray, grain: float) -> np.ndarray:
    """How far what was carried shows the same thing: float32 `(h, w)` in [0, 1].

    `gap` is how far its luma is off, of 255: as little as grain alone makes. `stretched` is how much the way stretches
    it, in pixels.
    """
    near = cv2.blur(gap.astype(np.float32), _NEAR)
    usual = min(float(np.median(near)), _MOST * grain) + 0.5
    fit: np.ndarray = np.clip(_LOST - near / usual, 0, 1) * np.clip(2 - stretched, 0, 1)
    return fit


def _in_the_light_of(fresh: np.ndarray, before: np.ndarray) -> np.ndarray:
    """`before` with the coarse light and color of `fresh`, both RGBA."""
    height, width = fresh.shape[:2]
    size = max(1, width // _COARSE), max(1, height // _COARSE)
    new, old = (cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (fresh, before))
    shift = cv2.resize(cv2.GaussianBlur(new - old, (0, 0), 0.7), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.add(before, shift, dtype=cv2.CV_8U if fresh.dtype == np.uint8 else cv2.CV_16U)
