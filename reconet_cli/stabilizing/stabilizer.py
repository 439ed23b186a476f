"""Carries brush strokes along with the motion of what they show."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.looks.blend import blend, blend_by_mask
from reconet_cli.stabilizing.layer import Layer, local_contrast, sample, texture
from reconet_cli.stabilizing.motion import Motion, half_luma

PERIOD = 6  # frames in which one layer goes over into the next
# Another scene has begun where motion leaves more than this share of the texture unexplained (clips: up to 0.35, one
# with 70 px a frame 0.8; cuts: from 0.96), or where less than this share of the picture fits.
_UNEXPLAINED = 0.7
_FITTING = 0.5
_FEATHER = (5, 5)


class Stabilizer:
    """Makes painted frames steady; call it with each frame of a clip, in order.

    Two painted frames are carried along: what is shown goes over from the older to the newer one, and then the frame
    just painted becomes the next newer one. Where neither fits what is seen now, the frame just painted shows.
    """

    def __init__(self, strength: float = 1.0) -> None:
        """`strength` in [0, 1] is the share of the carried painting, the rest is the new one; 0 changes nothing."""
        self._strength = strength
        self._motion = Motion()
        self._shape: tuple[int, ...] = ()
        self._luma = self._grid = self._pixels = np.empty(0)
        self._layers: list[Layer] = []
        self._age = 0

    def __call__(self, source: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """The steady version of `painted`, both RGB `(H, W, 3)`, uint8 or uint16, of one size.

        The first frame, and the first one after a cut, come back as they are.
        """
        if self._strength <= 0:
            return painted
        luma = half_luma(source)
        if painted.shape != self._shape:
            self._layers, self._shape = [], painted.shape
            self._grid, self._pixels = _coordinates(luma.shape), _coordinates(painted.shape)
        before, self._luma = self._luma, luma
        if not self._layers or not self._follow(luma, before):
            layer = Layer(painted, luma)
            self._layers, self._age = [layer, layer], 0
            return painted
        self._age += 1
        steady = self._show(painted)
        if self._age == PERIOD:
            self._layers, self._age = [self._layers[1], Layer(painted, luma)], 0
        return blend(painted, steady, self._strength)

    def _follow(self, luma: np.ndarray, before: np.ndarray) -> bool:
        """Move the layers to the current frame; False where it is another scene."""
        flow, contrast = self._motion(luma, before), local_contrast(luma)
        if _unexplained(luma, before, self._grid + flow) > _UNEXPLAINED:
            return False
        older, newer = self._layers
        if older is not newer:
            older.move(flow, self._grid, luma, contrast)
        return bool(newer.move(flow, self._grid, luma, contrast).mean() > _FITTING)

    def _show(self, painted: np.ndarray) -> np.ndarray:
        height, width = painted.shape[:2]
        older, newer = self._layers
        share = np.float32(self._age / PERIOD)
        # A stroke reaches beyond what it was painted for, so the edge of what fits is left out.
        old, new = (np.maximum(1.5 * cv2.blur(layer.fit, _FEATHER) - 0.5, 0) for layer in (older, newer))
        carried = np.maximum(new, old + share * (new - old))
        parts = (1 - share) * old, share * new
        share_of_newer = parts[1] / (parts[0] + parts[1] + np.float32(1e-6))
        share_of_newer, carried = (
            cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
            for part in (share_of_newer, carried)
        )
        shown = newer.show(self._pixels)
        if older is not newer:
            shown = blend_by_mask(older.show(self._pixels), shown, share_of_newer)
        return blend_by_mask(painted, shown, carried)


def _unexplained(luma: np.ndarray, before: np.ndarray, targets: np.ndarray) -> float:
    """The texture that is left of a frame without the one before, at its targets, as a share of the frame's own."""
    carried = sample(before, targets)
    left = texture(cv2.subtract(luma, carried, dtype=cv2.CV_32F))
    return float(left.mean() / (texture(luma.astype(np.float32)).mean() + 1))


def _coordinates(shape: tuple[int, ...]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.dstack([x, y])
