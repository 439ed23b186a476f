"""Signals that end a command."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from reconet_cli.system.child_signals import TO_ALL


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that nothing stays behind; an ignored one stays ignored."""
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM] if os.name == "nt" else TO_ALL
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, interrupt)
        yield
    except Exception as problem:
        # Libraries wrap what Python raises in their callbacks: OpenVINO makes a RuntimeError of it.
        if interrupted:
            raise KeyboardInterrupt from problem
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopOnSignal:
    """Lets the step in hand finish after Ctrl-C, SIGTERM or SIGHUP; a second Ctrl-C stops at once.

    A second SIGTERM does not: who sends one to a process and to its group (timeout, torchrun, schedulers) means one.
    An ignored SIGHUP stays ignored.
    """

    def __init__(self) -> None:
        self.asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopOnSignal:
        for number in TO_ALL:
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: object) -> None:
        self.asked = True
        if number == signal.SIGINT:
            signal.signal(number, self._previous[number])
