"""Frames that come one by one on several threads, painted several at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress

import numpy as np

from reconet_cli.engines.pool import Pool

_Asked = tuple[np.ndarray, Future[np.ndarray]]
PaintAll = Callable[[Sequence[np.ndarray]], list[np.ndarray]]


class Gather:
    """Whoever finds a painter idle paints what waits by then, its own frame or others', up to `most` at a time.

    So nothing is waited for: a single frame is painted at once, and the more come together the more go together.
    """

    def __init__(self, painters: Pool[PaintAll], most: int) -> None:
        self._painters = painters
        self._most = most
        self._waiting: deque[_Asked] = deque()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame; raises what painting it raised, on whichever thread that was."""
        painted: Future[np.ndarray] = Future()
        self._waiting.append((frame, painted))
        with self._painters.take() as paint:
            # Each caller takes at least one frame while there are any, so none is left behind.
            self._paint(paint, self._next())
        return painted.result()

    def _next(self) -> list[_Asked]:
        batch: list[_Asked] = []
        with suppress(IndexError):  # another caller may be quicker
            while len(batch) < self._most:
                batch.append(self._waiting.popleft())
        return batch

    def _paint(self, paint: PaintAll, batch: list[_Asked]) -> None:
        if not batch:
            return
        try:
            results = paint([frame for frame, _ in batch])
        except BaseException as error:
            for _, painted in batch:
                painted.set_exception(error)
        else:
            for (_, painted), result in zip(batch, results, strict=True):
                painted.set_result(result)
