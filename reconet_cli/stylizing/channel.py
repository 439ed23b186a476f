"""What flows from one thread to the next: a bounded queue that anybody can stop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

# Seconds of a wait after which Python looks for signals: one that comes just before a wait does not end it.
AWAKE = 0.5

T = TypeVar("T")


class StoppedError(Exception):
    """Raised in a stage when another stage has failed."""


class Channel(Generic[T]):
    """A queue of at most `depth` items that can be ended by its producer and stopped by anyone.

    Items may be put in before they can be taken out: each waits, and all behind it, until it is `ready`; `wake` is to
    be called when one has become so.
    """

    def __init__(self, depth: int, ready: Callable[[T], bool] = lambda item: True) -> None:
        self._items: deque[T] = deque()
        self._depth = depth
        self._ready = ready
        self._ended = False
        self._stopped = False
        self._changed = threading.Condition()

    def wait_for_room(self, condition: Callable[[], bool] = lambda: True) -> None:
        """Wait until an item can be put in, and `condition` holds (`wake` has it looked at). Raises StoppedError."""
        with self._changed:
            self._until(lambda: len(self._items) < self._depth and condition())

    def put(self, item: T) -> None:
        """Add an item, waiting for room. Raises StoppedError."""
        with self._changed:
            self._until(lambda: len(self._items) < self._depth)
            self._items.append(item)
            self._changed.notify_all()

    def end(self) -> None:
        """No more items follow."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake and end both sides, whatever is left."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wake(self) -> None:
        """Have both sides look again."""
        with self._changed:
            self._changed.notify_all()

    def _until(self, condition: Callable[[], bool]) -> None:
        while not self._changed.wait_for(lambda: self._stopped or condition(), AWAKE):
            pass
        if self._stopped:
            raise StoppedError

    def _comes(self) -> bool:
        return self._ready(self._items[0]) if self._items else self._ended

    def __iter__(self) -> Iterator[T]:
        """The items until `end`. Raises StoppedError."""
        while True:
            with self._changed:
                self._until(self._comes)
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
