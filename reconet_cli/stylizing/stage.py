"""A stage: one step that frames go through between the decoder and the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reconet_cli.video.ffmpeg.pixels import Frame

# State that later frames depend on, by name; it can be written to a file.
Memory = Mapping[str, np.ndarray]


class Stage:
    """One step of painting: network, deflicker, effects. The pipeline runs a list of them.

    `prepare` sees every source frame, in order, on the reading thread, while earlier frames are still being painted.
    Its result is passed to `apply`. If `in_order` is set, `apply` runs on one thread, frame after frame; otherwise it
    runs on up to `concurrency` threads at a time (None: any number), in any order.
    """

    in_order: bool = False
    concurrency: int | None = None

    def prepare(self, source: Frame) -> Any:
        """Do the work that needs only the source frame; the result is passed to `apply`."""

    def apply(self, source: Frame, painted: Frame, prepared: Any) -> Frame:
        """Return the next version of a frame, given the source and what earlier stages made of it."""
        raise NotImplementedError

    def memory(self) -> Memory:
        """The state that later frames depend on, after the last frame passed to `apply`."""
        return {}

    def remember(self, memory: Memory) -> None:
        """Restore a state returned by `memory`, possibly in an earlier run."""


def through(stages: list[Stage], source: Frame, painted: Frame) -> Frame:
    """Run one frame through all stages, one after the other."""
    for stage in stages:
        painted = stage.apply(source, painted, stage.prepare(source))
    return painted


def parallel(stages: list[Stage]) -> int:
    """The number of leading stages that may run out of order."""
    return next((number for number, stage in enumerate(stages) if stage.in_order), len(stages))


def concurrency(stages: list[Stage]) -> int:
    """The number of threads that out-of-order stages may use."""
    return min((stage.concurrency for stage in stages if not stage.in_order and stage.concurrency), default=1)


def remembered(stages: list[Stage]) -> Memory:
    """The state of all stages; names do not overlap."""
    return {name: values for stage in stages for name, values in stage.memory().items()}
