"""Carries brush strokes along with the motion of what they show."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.looks.blend import blend, blend_by_mask
from reconet_cli.stabilizing.layer import Layer, doubled, fitting, local_contrast, moved, sample, stretch, texture
from reconet_cli.stabilizing.motion import Motion, half_luma

PERIOD = 12  # frames in which what is shown goes over into a layer
# Another scene has begun where motion leaves more than this share of the texture unexplained (clips: up to 0.35, one
# with 70 px a frame 0.8; cuts: from 0.96), or where less than this share of the picture fits.
_UNEXPLAINED = 0.7
_FITTING = 0.3
_FEATHER = (5, 5)


class Stabilizer:
    """Makes painted frames steady; call it with each frame of a clip, in order.

    What was shown is carried on from frame to frame. Sampling it again each time would blur it, so it goes over into a
    layer: one painted frame, carried from where it was painted and so sampled once. Then the frame just painted becomes
    the next layer. Where nothing fits what is seen now, the frame just painted shows.
    """

    def __init__(self, strength: float = 1.0) -> None:
        """`strength` in [0, 1] is the share of the carried painting, the rest is the new one; 0 changes nothing."""
        self._strength = strength
        self._motion = Motion()
        self._shape: tuple[int, ...] = ()
        self._luma = self._grid = self._places = self._shown = self._stretched = np.empty(0)
        self._layer: Layer | None = None
        self._age = 0

    def __call__(self, source: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """The steady version of `painted`, both RGB `(H, W, 3)`, uint8 or uint16, of one size.

        The first frame, and the first one after a cut, come back as they are.
        """
        if self._strength <= 0:
            return painted
        luma = half_luma(source)
        if painted.shape != self._shape:
            self._layer, self._shape = None, painted.shape
            self._grid, self._places = _coordinates(luma.shape), 2 * _coordinates(painted.shape)
        before, self._luma = self._luma, luma
        # OpenCV moves four values about in less time than three.
        fresh: np.ndarray = cv2.cvtColor(painted, cv2.COLOR_RGB2RGBA)
        if not (self._layer and self._follow(self._layer, fresh, luma, before)):
            self._layer, self._age = Layer(fresh, luma), 0
            self._shown, self._stretched = fresh, np.zeros(luma.shape, np.float32)
            return painted
        if self._age == PERIOD:
            self._layer, self._age = Layer(fresh, luma), 0
        return blend(painted, cv2.cvtColor(self._shown, cv2.COLOR_RGBA2RGB), self._strength)

    def _follow(self, layer: Layer, painted: np.ndarray, luma: np.ndarray, before: np.ndarray) -> bool:
        """Bring layer and what is shown to the current frame; False where it is another scene."""
        flow, contrast = self._motion(luma, before), local_contrast(luma)
        targets = cv2.add(self._grid, flow)
        carried = sample(before, targets)
        stretched = cv2.add(sample(self._stretched, targets), stretch(flow))
        fit = fitting(stretched, targets, luma, carried, contrast)
        if fit.mean() < _FITTING or _unexplained(luma, carried) > _UNEXPLAINED:
            return False
        layer.move(flow, self._grid, luma, contrast)
        self._age += 1
        kept = _inner(fit)
        # The same step at each frame: a growing share of what is left to go.
        renewed = _inner(layer.fit) * np.float32(1 / (PERIOD - self._age + 1))
        shown = self._over(painted, moved(doubled(self._shown), flow, self._places), kept)
        self._shown = self._over(shown, layer.show(self._places), renewed)
        # What another frame has replaced is as good as new.
        self._stretched = stretched * kept * (1 - renewed)
        return True

    def _over(self, below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
        height, width = self._shape[:2]
        share = cv2.resize(share, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
        return blend_by_mask(below, above, share)


def _inner(fit: np.ndarray) -> np.ndarray:
    """Without its edge: a stroke reaches beyond what it was painted for."""
    return np.maximum(1.5 * cv2.blur(fit, _FEATHER) - 0.5, 0)


def _unexplained(luma: np.ndarray, carried: np.ndarray) -> float:
    """The texture that is left of a frame without the one before, as a share of the frame's own."""
    left = texture(cv2.subtract(luma, carried, dtype=cv2.CV_32F))
    return float(left.mean() / (texture(luma.astype(np.float32)).mean() + 1))


def _coordinates(shape: tuple[int, ...]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.dstack([x, y])
