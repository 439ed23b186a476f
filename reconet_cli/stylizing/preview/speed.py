"""How long a whole clip would take here: a few frames are painted as they would be, from file to file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.stylizing.effects import Effects
from reconet_cli.stylizing.stylize import stylize_file
from reconet_cli.video.request import Request

# Painting goes on for so long, and for at most so many frames. The first ones fill queues and caches.
_SECONDS = 2.5
_FRAMES = 60
_FIRST = 2


class _EnoughError(Exception):
    """Ends painting."""


class _Clock:
    """Takes the times of frames until there are enough."""

    def __init__(self) -> None:
        self.total: int | None = None
        self._times: list[float] = []

    def __call__(self, done: int, total: int | None) -> None:
        """See `Progress`."""
        self.total = total
        self._times.append(time.perf_counter())
        if len(self._times) > _FIRST + 1 and (done >= _FRAMES or self._times[-1] - self._times[_FIRST] > _SECONDS):
            raise _EnoughError

    @property
    def rate(self) -> float | None:
        """Frames a second; None where there were too few."""
        times = self._times[min(_FIRST, max(0, len(self._times) - 2)) :]
        return (len(times) - 1) / max(times[-1] - times[0], 1e-6) if len(times) > 1 else None


def seconds_for(request: Request, styles: Sequence[LoadedStyle], effects: Effects) -> float | None:
    """The estimated seconds for the whole of what `request` names; None where nobody knows its length.

    Raises `ReconetError` where it cannot be painted.
    """
    clock = _Clock()
    with tempfile.TemporaryDirectory(prefix="reconet-") as scratch:
        output = str(Path(scratch) / "part.mkv")
        with suppress(_EnoughError):
            stylize_file(replace(request, output=output), styles, effects, progress=clock)
    return clock.total / clock.rate if clock.total and clock.rate else None
