"""Carries brush strokes along with the motion of what they show."""

from __future__ import annotations

from dataclasses import asdict, fields

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.carrying import moved, over
from reconet_cli.stylizing.deflicker.following import Change, Followed, Follower, Seen
from reconet_cli.stylizing.deflicker.matching import detail, matched, sharpened
from reconet_cli.stylizing.deflicker.scratch import Scratch
from reconet_cli.stylizing.effects.blend import blend
from reconet_cli.stylizing.stage import Memory

# What is shown is sharpened as much as it takes to have this share of the network's detail. What is carried on is not:
# sharpened again and again it would be engraved.
_SHARP = 0.97
_MOST = 3.0
_PULL = 1.0


class Deflicker:
    """Takes the flicker out of painted frames; call it with each frame of a clip, in order.

    What was shown is carried on from frame to frame, each place for a while before it is painted anew, with the
    colors, contrast and sharpness of the frame just painted. Where it does not fit what is seen now, that frame shows.

    `follow` needs source frames alone, so a thread may do it while they are painted; `show` is for another one.
    """

    def __init__(self, strength: float = 1.0) -> None:
        """`strength` in [0, 1] is the share of the carried painting, the rest is the new one; 0 changes nothing."""
        self._strength = strength
        self._follower = Follower()
        self._seen: Seen | None = None
        self._carried = np.empty(0)
        self._sharpening = 0.0
        self._scratch = Scratch()

    def __call__(self, source: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """The version without flicker of `painted`, both RGB `(H, W, 3)`, uint8 or uint16, of one size.

        The first frame, and the first one after a cut, come back as they are.
        """
        return self.show(painted, self.follow(source))

    def follow(self, source: np.ndarray, number: int = 0) -> Followed | None:
        """What becomes of the things in sight in the next source frame, the one of some `number` of its clip.

        Raises MediaError (see `Follower`).
        """
        return self._follower(source, number) if self._strength > 0 else None

    def show(self, painted: np.ndarray, followed: Followed | None) -> np.ndarray:
        """The version without flicker of `painted`, by what `follow` has found out about its source."""
        if followed is None:
            return painted
        self._seen = followed.seen
        # OpenCV moves four values about in less time than three.
        fresh: np.ndarray = cv2.cvtColor(painted, cv2.COLOR_RGB2RGBA)
        if followed.change is None:
            self._carried, self._sharpening = fresh, 0.0
            return painted
        self._carry(fresh, followed.change)
        steady: np.ndarray = cv2.cvtColor(self._sharpened(fresh), cv2.COLOR_RGBA2RGB)
        return steady if self._strength == 1 else blend(painted, steady, self._strength)

    def memory(self) -> Memory:
        """All that the frames to come depend on; nothing before the first one."""
        if self._seen is None:
            return {}
        return {**asdict(self._seen), "carried": self._carried.copy(), "sharpening": np.array(self._sharpening)}

    def remember(self, memory: Memory) -> None:
        """Go on behind the frame after which `memory` was asked for."""
        if memory:
            self._seen = Seen(*(memory[field.name] for field in fields(Seen)))
            self._carried, self._sharpening = memory["carried"], float(memory["sharpening"])
            self._follower.resume((*self._carried.shape[:2], 3), self._seen)

    def _carry(self, fresh: np.ndarray, change: Change) -> None:
        before = moved(self._carried, change.flow, self._scratch)
        before, alike = matched(before, fresh, self._scratch)
        alike = cv2.resize(alike, change.kept.shape[::-1], interpolation=cv2.INTER_LINEAR)
        self._carried = over(fresh, before, change.kept * alike, self._scratch)

    def _sharpened(self, fresh: np.ndarray) -> np.ndarray:
        result = sharpened(self._carried, self._sharpening, self._scratch)
        wrong = _SHARP - detail(result) / (detail(fresh) or 1)
        self._sharpening = float(np.clip(self._sharpening + _PULL * wrong, 0, _MOST))
        return result
