"""A whole run, file to file, and what each of its stages did meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reconet_cli.engines import Engine, load_engine
from reconet_cli.stylizing.network import Network
from reconet_cli.stylizing.pipeline import run
from reconet_cli.video.conversion import convert
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.reader import Reader
from reconet_cli.video.request import Request
from reconet_cli.video.writing.writer import Writer


@dataclass(frozen=True)
class Profile:
    """One run of `frames` in `seconds`, without the time to start.

    `decode`, `paint` and `encode` are the shares of that time in which a stage was at work (waiting for ffmpeg to take
    or to give counts as work): the stage near 1 is the limit, the others wait for it. `cores` is how many processor
    cores all of it kept busy, ffmpeg included.
    """

    frames: int
    seconds: float
    decode: float
    paint: float
    encode: float
    spent: dict[str, float]

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds

    @property
    def cores(self) -> float:
        """How many processor cores all of it kept busy."""
        return sum(self.spent.values()) / self.seconds

    @property
    def limit(self) -> str:
        """The stage that the others wait for."""
        return max(("decode", "paint", "encode"), key=lambda stage: float(getattr(self, stage)))


class _Clock:
    """Seconds that a stage's threads were at work."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add(self, start: float) -> None:
        with self._lock:
            self.seconds += time.perf_counter() - start


class _TimedReader:
    def __init__(self, reader: Reader, clock: _Clock) -> None:
        self._reader = reader
        self._clock = clock
        self.decoder_seconds = 0.0
        self.size, self.aspect = reader.size, reader.aspect
        self.abort, self.release = reader.abort, reader.release

    def __iter__(self) -> Iterator[Frame]:
        frames = iter(self._reader)
        while True:
            start = time.perf_counter()
            frame = next(frames, None)
            self._clock.add(start)
            if frame is None:
                return
            yield frame

    def finish(self) -> None:
        before = _children_seconds()
        self._reader.finish()
        self.decoder_seconds = _children_seconds() - before


class _TimedWriter:
    def __init__(self, writer: Writer, clock: _Clock) -> None:
        self._writer = writer
        self._clock = clock
        self.encoder_seconds = 0.0
        self.abort, self.release = writer.abort, writer.release

    def write(self, frame: Frame) -> None:
        start = time.perf_counter()
        self._writer.write(frame)
        self._clock.add(start)

    def finish(self) -> None:
        start, before = time.perf_counter(), _children_seconds()
        self._writer.finish()
        self._clock.add(start)
        self.encoder_seconds = _children_seconds() - before


class _TimedNetwork(Network):
    def __init__(self, engine: Engine, clock: _Clock) -> None:
        super().__init__([engine])
        self._clock = clock

    def apply(self, source: Frame, painted: Frame, prepared: Any) -> Frame:
        start = time.perf_counter()
        painted = super().apply(source, painted, prepared)
        self._clock.add(start)
        return painted


def profile(request: Request, style: str, **options: Any) -> Profile:
    """Paint what `request` names with a style (`options` are those of `load_engine`), and look at every stage."""
    decode, paint, encode = _Clock(), _Clock(), _Clock()
    with convert(request) as conversion:
        width, height = conversion.reader.size
        engine = load_engine(style, height=height, width=width, sixteen_bit=conversion.layout.sixteen_bit, **options)
        reader, writer = _TimedReader(conversion.reader, decode), _TimedWriter(conversion.output.writer(), encode)
        start, own = time.perf_counter(), time.process_time()
        frames = run(reader, [_TimedNetwork(engine, paint)], writer)
        seconds, own = time.perf_counter() - start, time.process_time() - own
        conversion.output.commit()
    share = {"decode": decode.seconds, "paint": paint.seconds / engine.concurrency, "encode": encode.seconds}
    spent = {"decoder": reader.decoder_seconds, "encoder": writer.encoder_seconds, "own": own}
    return Profile(frames, seconds, spent=spent, **{name: s / seconds for name, s in share.items()})


def _children_seconds() -> float:
    """Processor time of children that have ended: around the wait for one of them, that one's."""
    times = os.times()
    return times.children_user + times.children_system


def example_clip(program: str, path: str, size: tuple[int, int], seconds: Fraction) -> list[str]:
    """The ffmpeg command that makes an h264 clip to measure with: a moving test pattern with a tone."""
    pattern = f"testsrc2=size={size[0]}x{size[1]}:rate=30:duration={float(seconds)}"
    return [
        program, "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", pattern,
        "-f", "lavfi", "-i", f"sine=duration={float(seconds)}",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", path,
    ]  # fmt: skip
