"""Processes that prepare batches ahead of training."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.util
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TypeVar

import cv2
from torch.utils.data import DataLoader, Dataset

from reconet_cli.errors import TrainingError
from reconet_cli.system import child_signals as deaf

Batch = TypeVar("Batch")
# Batches that each worker prepares ahead.
_AHEAD = 4
# What is left of 104 bytes without "/pymp-12345678/listener-12345678" and the end of the text.
_LONGEST_FOLDER = 70


class _EndedError(Exception):
    """A worker has ended."""


def prepared(steps: Dataset[Batch], start: int, workers: int) -> Iterator[Batch]:
    """The items `start`, `start` + 1, … of `steps`, without end, in order; 0 workers: this process does it itself.

    Raises `TrainingError` where a worker dies, and what `steps` raises.
    """
    loader = DataLoader(
        steps,
        batch_size=None,
        sampler=itertools.count(start),
        num_workers=workers,
        prefetch_factor=_AHEAD if workers else None,
        worker_init_fn=_settle if workers else None,
    )
    if not workers:
        yield from loader
        return
    _make_place_for_sockets()
    before = set(multiprocessing.active_children())
    with _on_death(signal.SIG_DFL), deaf.deaf_children():
        batches = iter(loader)
    processes = set(multiprocessing.active_children()) - before
    while True:
        try:
            yield _next(batches, processes)
        except (_EndedError, RuntimeError, EOFError, OSError) as problem:
            # What `steps` raised says so. Of a worker's death PyTorch tells in many ways, as its pipes and sockets do.
            if str(problem).startswith("Caught "):
                raise
            raise TrainingError(
                "a process that prepared frames has ended unexpectedly",
                "if memory ran out, try fewer --workers; --resume continues",
            ) from problem


def _make_place_for_sockets() -> None:
    """Make the folder of this process that workers put sockets in; it is removed however a worker ends.

    A socket's path is limited (104 bytes on macOS, 108 on Linux), and in a folder of a long name workers would wait for
    ever. Raises `TrainingError` where there is no place of a shorter one.
    """
    before, usual = tempfile.tempdir, tempfile.gettempdir()
    if os.name != "nt" and len(os.fsencode(usual)) > _LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
    try:
        multiprocessing.util.get_temp_dir()
    except OSError as problem:
        place = tempfile.gettempdir()
        raise TrainingError(f"cannot write in {place}: {problem.strerror}", "try --workers 0") from problem
    finally:
        tempfile.tempdir = before


def _next(batches: Iterator[Batch], processes: set[BaseProcess]) -> Batch:
    """The next batch, or `_EndedError` as soon as a worker dies while it is waited for.

    PyTorch would raise an error in the midst of whatever is done meanwhile, and tear the networks' state.
    """

    def look(number: int, frame: FrameType | None) -> None:
        # Out of the wait alone: PyTorch may be at something that it has to finish. It looks itself, every 5 seconds.
        waiting = frame is None or frame.f_globals.get("__name__") in ("selectors", "multiprocessing.connection")
        if waiting and not all(process.is_alive() for process in processes):
            raise _EndedError

    with _on_death(look):
        look(0, None)
        return next(batches)


@contextmanager
def _on_death(handler: signal.Handlers | object) -> Iterator[None]:
    """Handle the ends of child processes in this way, where that can be chosen, and afterwards as before."""
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCHLD, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _settle(_worker: int) -> None:
    """Workers leave signals to the training process, which tells them when to end; where it dies, they notice.

    OpenCV's threads do not survive a fork.
    """
    deaf.ignore()
    cv2.setNumThreads(0)
