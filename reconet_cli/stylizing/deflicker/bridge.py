"""From one history to another, where two machines have painted parts of a film."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2

from reconet_cli.stylizing.deflicker.stage import DeflickerStage
from reconet_cli.stylizing.stage import Memory, Stage
from reconet_cli.video.ffmpeg.pixels import Frame


class BridgeStage(Stage):
    """Two deflickers: from `start` to `end` (seconds) what `before` shows fades into what `after` shows.

    `before` goes on with the memory of the frame in front of `start`; `after` has seen earlier frames, to warm up.
    """

    in_order = True

    def __init__(self, before: DeflickerStage, after: DeflickerStage, start: Fraction, end: Fraction) -> None:
        self._before, self._after = before, after
        self._start, self._end = start, end

    def prepare(self, source: Frame) -> Any:
        """Follow the motion twice: both have seen other frames."""
        return self._before.prepare(source) if source.time >= self._start else None, self._after.prepare(source)

    def apply(self, source: Frame, painted: Frame, prepared: Any) -> Frame:
        """Carry strokes along in both, and mix."""
        later = self._after.apply(source, painted, prepared[1])
        if source.time < self._start:
            return later
        earlier = self._before.apply(source, painted, prepared[0])
        share = float((source.time - self._start) / (self._end - self._start))
        return replace(later, pixels=cv2.addWeighted(earlier.pixels, 1 - share, later.pixels, share, 0))

    def memory(self) -> Memory:
        """That of the deflicker which later frames go on with."""
        return self._after.memory()

    def remember(self, memory: Memory) -> None:
        """What was painted in front of `start`."""
        self._before.remember(memory)
