"""Both ends of the pipeline, so that frames come from where the last run stopped and go into segments."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction

from reconet_cli.stylizing.resume.store import Segment, Store
from reconet_cli.stylizing.stage import Memory
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.reader import Reader
from reconet_cli.video.writing.output import Output
from reconet_cli.video.writing.writer import Writer


def checksum(frame: Frame) -> int:
    """Know a source frame again."""
    return zlib.crc32(frame.pixels.data)


def frames_after(reader: Reader, last: Segment | None) -> Iterator[Frame] | None:
    """The frames behind a segment's last one, all where there is none; None where the reader has other frames."""
    frames = iter(reader)
    if last is None:
        return frames
    for frame in frames:
        if frame.time >= last.last:
            return frames if frame.time == last.last and checksum(frame) == last.checksum else None
    return None


class RestReader:
    """The rest of a reader's frames; notes the checksum of every `length`-th one and of the very last."""

    def __init__(self, reader: Reader, frames: Iterator[Frame], length: int) -> None:
        self.size, self.aspect = reader.size, reader.aspect
        self.finish, self.abort, self.release = reader.finish, reader.abort, reader.release
        self.checksums: dict[Fraction, int] = {}
        self._frames = frames
        self._length = length

    def __iter__(self) -> Iterator[Frame]:
        """The frames; the checksum of each is known before the next one comes."""
        frame = None
        for number, frame in enumerate(self._frames, 1):
            if number % self._length == 0:
                self.checksums[frame.time] = checksum(frame)
            yield frame
        if frame is not None:
            self.checksums[frame.time] = checksum(frame)


class SegmentWriter:
    """Frames into one file after the other, `length` frames each, that a store keeps as soon as they are complete.

    With each it keeps `memory()`, what the painter remembers when the last of them has been written.
    """

    def __init__(
        self,
        store: Store,
        output: Output,
        checksums: dict[Fraction, int],
        length: int,
        memory: Callable[[], Memory],
    ) -> None:
        self._store = store
        self._output = output
        self._checksums = checksums
        self._length = length
        self._memory = memory
        self._writer: Writer | None = None
        self._aborted = False
        self._times: list[Fraction] = []

    def write(self, frame: Frame) -> None:
        """Encode a frame. Raises MediaError."""
        if self._writer is None:
            number = len(self._store.segments)
            self._writer = self._output.segment_writer(self._store.path(number), self._store.part(number))
            if self._aborted:
                self._writer.abort()
        self._writer.write(frame)
        self._times.append(frame.time)
        if len(self._times) == self._length:
            self._close()

    def finish(self) -> None:
        """Complete the last segment. Raises MediaError."""
        if self._writer is not None:
            self._close()

    def abort(self) -> None:
        """Give up the segment that is being written; finished ones stay."""
        self._aborted = True
        if self._writer is not None:
            self._writer.abort()

    def release(self) -> None:
        """See `Writer`."""
        if self._writer is not None:
            self._writer.release()

    def _close(self) -> None:
        assert self._writer is not None
        self._writer.finish()
        self._writer.release()
        self._writer = None
        first, last = self._times[0], self._times[-1]
        self._store.add(len(self._times), first, last, self._checksums[last], self._memory())
        self._times = []
