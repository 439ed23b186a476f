"""The bytes of a pipe a second time."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress


class SecondReader:
    """A pipe with the bytes of another one, for a process that reads them more slowly: they wait in memory.

    The encoder takes sound from there. It holds what comes while frames are on their way through the network: some
    dozens of frames, still compressed.
    """

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe()
        self._chunks: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._gone = False
        threading.Thread(target=self._pump, name="second", daemon=True).start()

    def put(self, chunk: bytes) -> None:
        """More bytes; none at the end. Never waits."""
        with self._changed:
            if not self._gone:
                self._chunks.append(chunk)
                self._changed.notify_all()

    def close(self) -> None:
        """Our side of the pipe's reading end, which the reading process has its own of; harmless when repeated."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _pump(self) -> None:
        with suppress(OSError):  # the encoder has ended, for a reason of its own
            while chunk := self._next():
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(self._write, rest) :]
        with self._changed:
            self._gone = True
            self._chunks.clear()
        os.close(self._write)

    def _next(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._chunks)
            return self._chunks.popleft()
