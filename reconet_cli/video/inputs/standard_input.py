"""Video that arrives on a pipe: y4m and containers through ffmpeg, rgb24 as it is."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.ffmpeg import standard_streams as streams
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.ffmpeg.process import Process
from reconet_cli.video.inputs.preparing import prepared
from reconet_cli.video.inputs.second_reader import SecondReader
from reconet_cli.video.inputs.y4m import Y4mEnd
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source, file_url
from reconet_cli.video.reading.reader import read_exactly

NAME = "standard input"
Y4M = b"YUV4MPEG2"
# First bytes of containers that no raw picture is likely to begin with: Matroska, Ogg, AVI, GIF, FLV.
_CONTAINERS = (b"\x1a\x45\xdf\xa3", b"OggS", b"RIFF", b"GIF8", b"FLV\x01")
_HEAD = 16
_CHUNK = 1 << 16
_MOST_PROBED = 64 << 20


class StandardInput:
    """A pipe whose first bytes can be looked at and are not lost. Raises MediaError when nothing comes."""

    def __init__(self, descriptor: int, name: str = NAME) -> None:
        if os.isatty(descriptor):
            raise MediaError(f"{name} is a terminal", "pipe a video in, or name a file")
        self._descriptor = descriptor
        self._name = name
        self._second: SecondReader | None = None
        self._head = bytearray()
        self._end = Y4mEnd()
        while len(self._head) < _HEAD and (chunk := streams.read(descriptor, _HEAD - len(self._head))):
            self._head += chunk
        if not self._head:
            raise MediaError(f"nothing came in on {name}", "did the command before the pipe fail?")

    @property
    def is_y4m(self) -> bool:
        """True for a YUV4MPEG2 stream."""
        return self._head.startswith(Y4M)

    @property
    def left(self) -> int:
        """The number of bytes of an incomplete y4m frame, of what `feed` has sent."""
        return self._end.left

    @property
    def is_container(self) -> bool:
        """True where the first bytes are certainly those of a container (MPEG-TS is not that certain)."""
        return self._head.startswith(_CONTAINERS) or self._head[4:8] == b"ftyp"

    def probe(self, ffmpeg: str, options: dict[str, Any] | None = None) -> tuple[Source, MediaInfo]:
        """Let ffmpeg look at the beginning, as far as it needs; what it saw is kept for `feed`.

        `options` are ffmpeg's for this input, for frames that do not say what they are.
        Raises MediaError when it cannot make anything of it.
        """
        source = Source("pipe:0", self._name, formats.alone("pipe") | (options or {}), passing=True)
        return source, probe(ffmpeg, source, self._show, PIPE)

    def _show(self, process: Process) -> None:
        try:
            streams.send(process.stdin, bytes(self._head))
            while process.running:
                # A live source may pause just when ffmpeg has seen enough.
                if not streams.ready(self._descriptor, 0.05):
                    continue
                chunk = streams.read(self._descriptor, _CHUNK)
                self._head += chunk
                if not chunk or len(self._head) > _MOST_PROBED:
                    break
                streams.send(process.stdin, chunk)
        except BrokenPipeError:
            pass  # ffmpeg has seen enough
        process.close_stdin()
        process.wait()

    def second(self) -> SecondReader:
        """A second reader of what `feed` will send, to be asked for before that."""
        self._second = SecondReader()
        return self._second

    def feed(self, process: Process) -> None:
        """Send everything, from the first byte on, to a process's stdin, on a thread of its own."""
        threading.Thread(target=self._pump, args=(process,), name="feed", daemon=True).start()

    def _pump(self, process: Process) -> None:
        chunk, y4m = bytes(self._head), self.is_y4m
        self._head.clear()
        try:
            while chunk:
                if self._second:
                    self._second.put(chunk)
                streams.send(process.stdin, chunk)
                if y4m:
                    self._end.put(chunk)
                chunk = streams.read(self._descriptor, _CHUNK)
        except BrokenPipeError:
            pass  # the decoder has ended, for a reason of its own
        finally:
            process.close_stdin()
            if self._second:
                self._second.put(b"")

    def spool(self) -> Path:
        """Copy everything to a temporary file, for containers whose sound is read a second time."""
        copy = tempfile.NamedTemporaryFile(prefix="reconet-", delete=False)  # noqa: SIM115 - closed below
        try:
            with copy:
                copy.write(self._head)
                while chunk := streams.read(self._descriptor, 1 << 20):
                    copy.write(chunk)
        except BaseException as problem:
            os.unlink(copy.name)  # closed by now: Windows removes no open file
            if isinstance(problem, OSError):
                raise MediaError(f"cannot keep standard input in {copy.name}: {problem.strerror}") from problem
            raise
        return Path(copy.name)

    def frames(
        self, size: tuple[int, int], rate: Fraction, start: Fraction | None, duration: Fraction | None
    ) -> RawReader:
        """Read everything, or the part from `start` on, as rgb24 frames of (width, height) at a constant rate."""
        return RawReader(_Joined(self._descriptor, bytes(self._head)), size, rate, start or Fraction(0), duration)


def spooled_source(path: Path, stack: ExitStack) -> Source:
    """A spooled file, under the name that a person knows it by; `stack` removes a copy of a picture."""
    return prepared(Source(file_url(path), NAME, formats.alone()), path, stack)


class RawReader:
    """rgb24 frames from a pipe: those that are shown from `start` on, for `duration` (seconds; None: to the end)."""

    def __init__(
        self, pipe: _Joined, size: tuple[int, int], rate: Fraction, start: Fraction, duration: Fraction | None
    ) -> None:
        self.size = size
        self.aspect = Fraction(1)
        self.count = 0
        self.leftover = 0
        self._rate = rate
        self._start = start
        self._duration = duration
        self._pipe = pipe

    def __iter__(self) -> Iterator[Frame]:
        width, height = self.size
        for number in itertools.count():
            time = number / self._rate - self._start
            if self._duration is not None and time >= self._duration:
                return
            pixels = np.empty((height, width, 3), np.uint8)
            before = self._pipe.taken
            if not read_exactly(self._pipe, pixels):
                self.leftover = self._pipe.taken - before
                return
            if time >= 0:
                yield Frame(pixels, time, 1 / self._rate)
                self.count += 1

    def finish(self) -> None:
        """Raise MediaError when there was not even one frame."""
        if self.count == 0 and self._pipe.taken > self.leftover:
            raise MediaError(f"--start {float(self._start):g} is behind the end of {NAME}", "begin earlier")
        if self.count == 0:
            width, height = self.size
            raise MediaError(
                f"{NAME}: {self.leftover} bytes are less than one rgb24 frame of {width}x{height}",
                "check --size, and that the frames are rgb24",
            )

    def abort(self) -> None:
        """Nothing to end; the reading thread stops with the pipeline."""

    def release(self) -> None:
        """The descriptor is not ours to close."""


class _Joined:
    """Bytes, then a file descriptor, as one readable thing that counts what was `taken`."""

    def __init__(self, descriptor: int, head: bytes) -> None:
        self._head = memoryview(head)
        self._descriptor = descriptor
        self.taken = 0

    def readinto(self, buffer: memoryview) -> int:
        if self._head:
            count = min(len(self._head), len(buffer))
            buffer[:count] = self._head[:count]
            self._head = self._head[count:]
        else:
            count = streams.read_into(self._descriptor, buffer)
        self.taken += count
        return count
