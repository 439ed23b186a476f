"""A stage: one step that frames go through between the decoder and the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reconet_cli.media.pixels import Frame

# What later frames depend on, by name; can be written to a file.
Memory = Mapping[str, np.ndarray]


class Stage:
    """One step of painting: network, deflicker, effects. The pipeline runs a list of them.

    `prepare` sees every source frame, in order, on the reading thread, while earlier frames are still being painted.
    `apply` gets what came of that. Without `in_order` it is called on up to `lanes` threads at a time (None: on any
    number), in any order; with it on one thread, frame after frame.
    """

    in_order: bool = False
    lanes: int | None = None

    def prepare(self, source: Frame) -> Any:
        """Do what needs the source frame alone; the result is handed to `apply`."""

    def apply(self, source: Frame, painted: Frame, prepared: Any) -> Frame:
        """Make the next picture of a source frame out of what the stages before have made of it."""
        raise NotImplementedError

    def memory(self) -> Memory:
        """What the pictures of later frames depend on, as of the frame that was applied last."""
        return {}

    def remember(self, memory: Memory) -> None:
        """Go on behind the frame after which another run's stage was asked for its `memory`."""


def parallel(stages: list[Stage]) -> int:
    """How many stages at the beginning of a list need no order."""
    return next((number for number, stage in enumerate(stages) if stage.in_order), len(stages))


def lanes(stages: list[Stage]) -> int:
    """On how many threads the stages that need no order may run."""
    return min((stage.lanes for stage in stages if not stage.in_order and stage.lanes), default=1)


def remembered(stages: list[Stage]) -> Memory:
    """What all stages remember; a name belongs to one of them."""
    return {name: values for stage in stages for name, values in stage.memory().items()}
