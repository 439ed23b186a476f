"""Processes that leave signals to the one that has started them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# A terminal sends Ctrl-C and its own end to every process of a job; schedulers send SIGTERM to all of them.
TO_ALL = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes that begin in here hear no signal that is sent to all, until they say what they do with it.

    They inherit what is blocked: `unblock` in them afterwards. Their parent gets such a signal at the end of the block.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TO_ALL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unblock() -> None:
    """Hear signals again in a process that began in `deaf_children`."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_ALL)


def ignore() -> None:
    """Leave all such signals to the parent, for as long as this process lives: it has to notice its parent's end."""
    for number in TO_ALL:
        signal.signal(number, signal.SIG_IGN)
    unblock()
