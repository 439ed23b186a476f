"""Tasks on worker processes, their results in order and only a few under way."""

from __future__ import annotations

import atexit
import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TypeVar

import cv2
import torch

from reconet_cli.errors import FlowError
from reconet_cli.system.child_signals import deaf_children, unblock
from reconet_cli.system.deleted_folder import settle_in_a_gone_folder
from reconet_cli.system.processors import processors

Task = TypeVar("Task")
Result = TypeVar("Result")
_SHORT = 200  # pairs
_MOST_JOBS = 8
_FAREWELL = 2.0  # seconds that workers get to leave OpenCV and tidy up


def usual_jobs(pairs: int | None, method: str) -> int:
    """How many processes suit an expected number of pairs (None: unknown): one a processor, up to 8.

    One alone for short clips, because a process takes seconds to start, and for RAFT, which fills the machine itself.
    """
    if method == "raft" or (pairs is not None and pairs < _SHORT):
        return 1
    return min(_MOST_JOBS, processors())


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int) -> Generator[Result, None, None]:
    """The results of a picklable function, in the tasks' order, on `jobs` processes (1: on this one).

    At most two tasks a process are taken beforehand, so that frames do not pile up. An error, also one of the tasks'
    iterable, ends the workers at once. Raises `FlowError` where one of them dies.
    """
    if jobs == 1:
        yield from map(function, tasks)
        return
    before = set(multiprocessing.active_children())
    # Spawned: a forked process would inherit locks of threads that it does not have.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _become_worker, (max(1, processors() // jobs),))
    waiting: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            with deaf_children():
                waiting.append(pool.submit(function, task))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        pool.shutdown()
    except BrokenProcessPool as problem:
        raise FlowError(
            "a worker process ended unexpectedly", "if memory ran out, try fewer --jobs or a --scale"
        ) from problem
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        _end(set(multiprocessing.active_children()) - before)


def _end(workers: Iterable[BaseProcess]) -> None:
    """End processes that may be deep inside OpenCV, where no signal reaches Python."""
    for worker in workers:
        worker.terminate()
    patience = time.monotonic() + _FAREWELL
    for worker in workers:
        worker.join(max(0.0, patience - time.monotonic()))
        worker.kill()


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def _become_worker(threads: int) -> None:
    # Ctrl-C reaches every process of a terminal; the parent alone answers it, and ends its workers with SIGTERM,
    # which leaves through `finally`, so that no unfinished file stays behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # On the way out there is nothing left to tidy up, and an exception there would print a trace.
    atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)
    unblock()
    settle_in_a_gone_folder()
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    # Last: the pool prints the trace of whatever is raised in here. So far SIGTERM ends the process without a word.
    signal.signal(signal.SIGTERM, _leave)
