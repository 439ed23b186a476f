"""Keeping up with a live source: frames that have waited too long are dropped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.pump import Pump
from reconet_cli.video.reading.reader import Reader
from reconet_cli.video.writing.writer import Writer

_SHARE = 0.2  # of the newest frame in the running means
WAITING_BYTES = 256 << 20  # what frames may take that wait, however late they may be


class Live:
    """Wraps a reader and a writer so that frames get from one to the other within `bound` seconds where possible.

    What painting takes cannot be shortened; what a frame waits before it can. So one that has waited for longer than
    what is left of the bound is dropped, unless it is the newest; so are the oldest of more than memory should hold.
    """

    def __init__(self, reader: Reader, writer: Writer, bound: float) -> None:
        self.dropped = 0
        self.latency = 0.0
        self.reader = LiveReader(self, reader)
        self.writer = LiveWriter(self, writer)
        self._bound = bound
        self._work = 0.0
        # In the frames' order; their times cannot tell them apart, as two may have the same.
        self._taken: deque[tuple[float, float]] = deque()

    @property
    def patience(self) -> float:
        """How long a frame may wait, in seconds."""
        return max(0.0, self._bound - self._work)

    def take(self, arrived: float) -> None:
        """Painting of the next frame begins."""
        self._taken.append((arrived, time.monotonic()))

    def done(self) -> None:
        """The oldest frame that was taken is written."""
        arrived, taken = self._taken.popleft()
        now = time.monotonic()
        self._work += _SHARE * (now - taken - self._work) if self._work else now - taken
        self.latency += _SHARE * (now - arrived - self.latency) if self.latency else now - arrived

    def __str__(self) -> str:
        return f"live: latency {self.latency * 1000:.0f} ms, {self.dropped} frames dropped"


class LiveReader:
    """A reader that is read as fast as its frames come, on a thread of its own."""

    def __init__(self, live: Live, reader: Reader) -> None:
        self.size, self.aspect = reader.size, reader.aspect
        self.finish, self.abort, self.release = reader.finish, reader.abort, reader.release
        self._live = live
        self._reader = reader
        self._waiting: deque[tuple[float, Frame]] = deque()

    def __iter__(self) -> Iterator[Frame]:
        pump = Pump(self._reader, self._keep, "live")
        pump.start()
        while True:
            with pump.changed:
                pump.changed.wait_for(lambda: self._waiting or pump.ended)
                self._drop()
                if not self._waiting:
                    break
                arrived, frame = self._waiting.popleft()
            self._live.take(arrived)
            yield frame
        if pump.error:
            raise pump.error

    def _keep(self, frame: Frame) -> None:
        self._waiting.append((time.monotonic(), frame))
        self._drop()

    def _drop(self) -> None:
        oldest = time.monotonic() - self._live.patience
        while len(self._waiting) > 1 and (self._waiting[0][0] < oldest or self._held() > WAITING_BYTES):
            self._waiting.popleft()
            self._live.dropped += 1

    def _held(self) -> int:
        """The bytes of all frames that wait, which are of one size."""
        frame = self._waiting[0][1]
        return len(self._waiting) * (frame.pixels.nbytes + (0 if frame.alpha is None else frame.alpha.nbytes))


class LiveWriter:
    """A writer that tells when a frame is written."""

    def __init__(self, live: Live, writer: Writer) -> None:
        self.finish, self.abort, self.release = writer.finish, writer.abort, writer.release
        self._live = live
        self._writer = writer

    def write(self, frame: Frame) -> None:
        """As the writer inside."""
        self._writer.write(frame)
        self._live.done()
