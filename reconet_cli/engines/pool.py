"""Several of a kind, each for one frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """What threads that paint at the same time take in turns; who finds none idle waits."""

    def __init__(self, each: Iterable[T]) -> None:
        self._idle: SimpleQueue[T] = SimpleQueue()
        self._count = 0
        for one in each:
            self._idle.put(one)
            self._count += 1

    def __len__(self) -> int:
        """How many there are, idle or not."""
        return self._count

    @contextmanager
    def take(self) -> Iterator[T]:
        """One of them, for as long as the block runs."""
        one = self._idle.get()
        try:
            yield one
        finally:
            self._idle.put(one)
