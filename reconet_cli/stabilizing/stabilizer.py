"""Carries brush strokes along with the motion of what they show."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.looks.blend import blend, blend_by_mask
from reconet_cli.stabilizing.carrying import moved
from reconet_cli.stabilizing.following import Change, Follower, coordinates
from reconet_cli.stabilizing.matching import detail, matched
from reconet_cli.stabilizing.scratch import Scratch

# Sampling is as sharp as it takes for the result to keep this share of the network's detail.
_SHARP = 0.92
_LEAST_SHARPNESS, _MOST_SHARPNESS = 0.5, 1.4
_PULL = 0.5


class Stabilizer:
    """Makes painted frames steady; call it with each frame of a clip, in order.

    What was shown is carried on from frame to frame, a little of it renewed each time, with the colours, contrast and
    sharpness of the frame just painted. Where it does not fit what is seen now, the frame just painted shows.

    `follow` needs source frames alone, so a thread may do it while they are painted; `show` is for another one.
    """

    def __init__(self, strength: float = 1.0) -> None:
        """`strength` in [0, 1] is the share of the carried painting, the rest is the new one; 0 changes nothing."""
        self.follow = Follower()
        self._strength = strength
        self._places = self._shown = np.empty(0)
        self._sharpness = 1.0
        self._scratch = Scratch()

    def __call__(self, source: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """The steady version of `painted`, both RGB `(H, W, 3)`, uint8 or uint16, of one size.

        The first frame, and the first one after a cut, come back as they are.
        """
        return self.show(painted, self.follow(source))

    def show(self, painted: np.ndarray, change: Change | None) -> np.ndarray:
        """The steady version of `painted`, by what `follow` has found out about its source."""
        if self._strength <= 0:
            return painted
        # OpenCV moves four values about in less time than three.
        fresh: np.ndarray = cv2.cvtColor(painted, cv2.COLOR_RGB2RGBA)
        if change is None:
            if self._places.shape[:2] != painted.shape[:2]:
                self._places = 2 * coordinates(painted.shape)
            self._shown, self._sharpness = fresh, 1.0
            return painted
        shown = moved(self._shown, change.flow, self._places, self._sharpness, self._scratch)
        self._shown = matched(_over(fresh, shown, change.kept), fresh, self._scratch)
        wrong = _SHARP - detail(self._shown) / (detail(fresh) or 1)
        self._sharpness = float(np.clip(self._sharpness + _PULL * wrong, _LEAST_SHARPNESS, _MOST_SHARPNESS))
        steady: np.ndarray = cv2.cvtColor(self._shown, cv2.COLOR_RGBA2RGB)
        return steady if self._strength == 1 else blend(painted, steady, self._strength)


def _over(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    height, width = below.shape[:2]
    share = cv2.resize(share, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return blend_by_mask(below, above, share)
