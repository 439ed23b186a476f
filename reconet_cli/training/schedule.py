"""What to learn when and how fast, and when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from reconet_cli.training.settings import TrainingSettings

_WARM_STEPS = 100
_WARM_SHARE = 0.05
_LAST_RATE = 0.01
# A network that starts from nothing first learns to show frames as they are, or a teacher's paintings of them: so many
# steps, or this share of a short run. Style takes over in the last two thirds of them.
_PRETRAINING = {"none": (0, 0.0), "frames": (120, 0.1), "paintings": (400, 0.4)}
# With `until_good`: improvement that counts, measurements to wait for it, and the share of more steps to cool down in.
_IMPROVEMENT = 0.015
_PATIENCE = 4
_COOLING = 0.25


@dataclass
class Schedule:
    """The learning rate's course; what it remembers goes into checkpoints (`state`).

    One cycle: a short linear warm-up, then half a cosine down to a hundredth at the end of the steps or minutes. With
    `until_good` the rate stays up until the held-out loss has stopped falling, and half a cosine follows then. A run
    with `pretraining` first learns to show something, `frames` or `paintings`.
    """

    settings: TrainingSettings
    pretraining: str = "none"
    held_out: list[float] = field(default_factory=list)
    plateau: int | None = None

    def observe(self, step: int, loss: float) -> None:
        """Take note of the held-out loss after `step` steps."""
        self.held_out.append(loss)
        if not self.settings.until_good or self.plateau is not None or len(self.held_out) <= _PATIENCE:
            return
        before, recent = min(self.held_out[:-_PATIENCE]), min(self.held_out[-_PATIENCE:])
        if recent > (1 - _IMPROVEMENT) * before:
            self.plateau = step

    def done(self, step: int, seconds: float) -> float:
        """How far the run has come, 0 to 1."""
        share = step / self.settings.steps
        if self.settings.minutes is not None:
            share = max(share, seconds / 60 / self.settings.minutes)
        if self.plateau is not None:
            share = max(share, step / (self.plateau * (1 + _COOLING)))
        return min(share, 1.0)

    def rate(self, step: int, seconds: float) -> float:
        """The learning rate of a step."""
        highest = self.settings.learning_rate
        warm = min(_WARM_STEPS, max(1, round(self.settings.steps * _WARM_SHARE)))
        if step < warm:
            return highest * (step + 1) / warm
        fall = self.done(step, seconds)
        if self.settings.until_good:
            # Cooling is the last part of the run, whatever ends it.
            start = 1 / (1 + _COOLING)
            fall = max(0.0, (fall - start) / (1 - start))
        return highest * (_LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * fall)))

    def showing(self, step: int) -> float:
        """How much a step is about showing given frames instead of style: 1 at the start of pretraining, then 0."""
        steps, share = _PRETRAINING[self.pretraining]
        length = min(steps, self.settings.steps * share)
        return min(1.0, (length - step) / (length * 2 / 3)) if step < length else 0.0

    def in_pairs(self, step: int, seconds: float) -> bool:
        """Whether a step is about pairs of frames; before that, single frames teach the style alone.

        With `until_good` nobody knows how long the run will be, and all steps are.
        """
        return self.settings.until_good or self.done(step, seconds) >= 1 - self.settings.temporal

    def finished(self, step: int, seconds: float) -> bool:
        """Whether the run is over."""
        return self.done(step, seconds) >= 1

    def state(self) -> dict[str, object]:
        """What a resumed run has to know."""
        return {"pretraining": self.pretraining, "held_out": list(self.held_out), "plateau": self.plateau}

    def restore(self, state: dict[str, object]) -> None:
        """Take `state` back; raises `TypeError`, `ValueError` or `KeyError` for anything else."""
        held_out, plateau = state["held_out"], state["plateau"]
        if not isinstance(held_out, list) or not (plateau is None or isinstance(plateau, int)):
            raise TypeError("not the state of a schedule")
        if state["pretraining"] not in _PRETRAINING:
            raise ValueError("no such pretraining")
        self.pretraining = str(state["pretraining"])
        self.held_out, self.plateau = held_out, plateau
