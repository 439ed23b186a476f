"""The processor cores that there are to work on."""

from __future__ import annotations

import math
import os
import random
from contextlib import suppress
from pathlib import Path

from reconet_cli.system.control_groups import processor_time

_most = 1 << 16


def processors() -> int:
    """How many this process may use; more threads than a quota grants would only be put to sleep."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, _most, _quota() or there)


def hold_to_quota() -> None:
    """Use no more than a quota grants, as `limit_processors` does.

    ffmpeg, PyTorch and OpenCV count processors by themselves, and know nothing of quotas.
    """
    if most := _quota():
        limit_processors(most)


def _quota() -> int | None:
    quota = processor_time()
    return None if quota is None else max(1, math.ceil(quota))


def limit_processors(most: int, first: int | None = None) -> None:
    """Use no more than `most` in this process and, where the system can hold that (Linux), in its children.

    They are counted from the `first` on (None: a random one). To be called before any library has started its threads.
    """
    global _most
    _most = most
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if most < len(cores):
        # Jobs that begin at the same time must not all take the first ones.
        start = random.randrange(len(cores)) if first is None else first
        chosen = {cores[(start + step) % len(cores)] for step in range(most)}
        # Threads that run already keep what they have, and OpenVINO asks the first one.
        for thread in [int(path.name) for path in Path("/proc/self/task").glob("*")] or [0]:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, chosen)


def let_threads_sleep() -> None:
    """Have OpenMP's idle threads sleep soon; call it before PyTorch is loaded.

    Threads that spin for long are several times slower as soon as anything else wants a core; ones that sleep at once
    cost training a third of its speed where nothing does.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
