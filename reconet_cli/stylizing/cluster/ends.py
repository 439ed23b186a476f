"""Both ends of the pipeline of a segment: its frames out of the film, and into a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from reconet_cli.stylizing.cluster.spans import Span
from reconet_cli.stylizing.resume.segments import checksum
from reconet_cli.video.conversion import Conversion
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.reader import Reader
from reconet_cli.video.writing.writer import Writer

# A frame's time and checksum.
Known = tuple[Fraction, int]


class SpanReader:
    """A segment's frames, behind those to warm up with, if wanted; knows the frame before the first, and the last."""

    def __init__(self, reader: Reader, span: Span, *, warm_up: bool) -> None:
        self.size, self.aspect = reader.size, reader.aspect
        self.release = reader.release
        self.before: Known | None = None
        self.last: Known | None = None
        self._reader = reader
        self._span = span
        self._warm_up = warm_up
        self._whole = False

    def __iter__(self) -> Iterator[Frame]:
        span, earlier = self._span, None
        for frame in self._reader:
            if span.warm is not None and frame.time < span.warm:
                continue
            if span.end is not None and frame.time >= span.end:
                break
            if span.start is not None and frame.time < span.start:
                self.before = frame.time, checksum(frame)
                if not self._warm_up:
                    continue
            earlier = frame
            yield frame
        else:
            self._whole = True
        if earlier is not None:
            self.last = earlier.time, checksum(earlier)

    def finish(self) -> None:
        """Check the source where it was read to its end."""
        if self._whole:
            self._reader.finish()
        else:
            self._reader.abort()

    def abort(self) -> None:
        """See `Reader`."""
        self._reader.abort()


class SpanWriter:
    """Writes the frames of a segment, and leaves out those that only warm up."""

    def __init__(self, conversion: Conversion, span: Span, part: Path, advance: Callable[[int], None]) -> None:
        self.count = 0
        self.first: Fraction | None = None
        self._conversion = conversion
        self._span = span
        self._part = part
        self._advance = advance
        self._writer: Writer | None = None

    def write(self, frame: Frame) -> None:
        """Encode a frame. Raises MediaError."""
        self._advance(self.count)
        if self._span.start is not None and frame.time < self._span.start:
            return
        if self._writer is None:
            self.first = frame.time
            self._writer = self._conversion.output.segment_writer(self._part, self._part)
        self._writer.write(frame)
        self.count += 1

    def finish(self) -> None:
        """Complete the file. Raises MediaError."""
        if self._writer is not None:
            self._writer.finish()

    def abort(self) -> None:
        """Give the file up."""
        if self._writer is not None:
            self._writer.abort()

    def release(self) -> None:
        """See `Writer`."""
        if self._writer is not None:
            self._writer.release()
