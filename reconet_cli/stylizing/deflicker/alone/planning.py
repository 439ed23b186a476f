"""What is to be done to each frame of a clip, scene by scene."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from reconet_cli.stylizing.deflicker.alone.grid import Grid
from reconet_cli.stylizing.deflicker.alone.measuring import Change
from reconet_cli.stylizing.deflicker.alone.smoothing import corrections

# Levels of grain (see `measuring.grain`) that are left alone, and from which on texture is steadied in full. Sixteen
# clean clips had up to 0.6, with added texture of 4 levels they had 1.3 to 2.1.
_CALM, _BUSY = 0.7, 1.3


@dataclass(frozen=True)
class Scene:
    """What is done to the frames of a scene.

    `logarithms` `(frames, count, 3)` float16, as `Grid` has them, are added to those of their values; `grain` is
    how much is new in each frame (see `measuring.grain`).
    """

    logarithms: np.ndarray
    grain: float

    @property
    def texture(self) -> float:
        """How much of the fine texture is carried along, in [0, 1]."""
        return float(np.clip((self.grain - _CALM) / (_BUSY - _CALM), 0, 1))


@dataclass
class Plan:
    """All scenes of a clip, and the time of each frame in seconds."""

    grid: Grid
    times: list[Fraction] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def at(self, time: Fraction) -> tuple[Scene, np.ndarray]:
        """The scene of the frame shown at `time`, and its logarithms as a picture."""
        after = bisect.bisect_left(self.times, time)
        nearest = min(
            range(max(0, after - 1), min(after + 1, len(self.times))), key=lambda n: abs(self.times[n] - time)
        )
        number = bisect.bisect_right(self.starts, nearest) - 1
        scene = self.scenes[number]
        return scene, self.grid.composed(scene.logarithms[nearest - self.starts[number]])


def planned(frames: Iterable[tuple[Fraction, Change | None]], rate: float, grid: Grid) -> Plan:
    """A plan by the time of each frame and its change from the one before, at `rate` frames a second."""
    plan = Plan(grid)
    scene: list[Change] = []
    for time, change in frames:
        if change is None or change.cut:
            _end(plan, scene, rate)
            plan.starts.append(len(plan.times))
            scene = []
        else:
            scene.append(change)
        plan.times.append(time)
    _end(plan, scene, rate)
    return plan


def _end(plan: Plan, changes: list[Change], rate: float) -> None:
    if len(plan.starts) == len(plan.scenes):
        return
    if not changes:
        plan.scenes.append(Scene(np.zeros((1, plan.grid.count, 3), np.float16), 0.0))
        return
    values = corrections(np.stack([change.values for change in changes]), rate, plan.grid)
    grain = float(np.median([change.grain for change in changes]))
    plan.scenes.append(Scene(values, grain))
