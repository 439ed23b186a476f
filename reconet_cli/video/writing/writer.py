"""Frames into an encoder, or raw into a pipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from subprocess import DEVNULL, PIPE
from typing import IO, Any, Protocol

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import standard_streams as streams
from reconet_cli.video.ffmpeg.pixels import Frame, layout_of, packed
from reconet_cli.video.ffmpeg.process import Process
from reconet_cli.video.inputs.second_reader import SecondReader
from reconet_cli.video.writing import matroska
from reconet_cli.video.writing.counting import Made

FULL = "No space left on device"  # in the log
CLOSED = "the output pipe was closed by its reader"


class Writer(Protocol):
    """Where frames go.

    `finish` completes the output; `abort` gives it up, from any thread; the writing thread calls `release`
    last.
    """

    def write(self, frame: Frame) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
    def release(self) -> None: ...


class RawFeed:
    """Frames one after the other, without times."""

    def head(self, first: Frame) -> bytes:
        """What goes before everything."""
        return b""

    def before(self, frame: Frame) -> bytes:
        """What goes before each frame."""
        return b""


class TimedFeed(RawFeed):
    """Frames with their times, counted from the first frame's, as Matroska.

    `ticks` per second is the clock that they will be stored with: no two frames get the same tick.
    """

    def __init__(self, rate: Fraction, ticks: int, language: str) -> None:
        self._rate = rate
        self._ticks = ticks
        self._language = language
        self._start = Fraction(0)
        self._last = -1

    def head(self, first: Frame) -> bytes:
        self._start = first.time
        height, width = first.pixels.shape[:2]
        return matroska.header(width, height, layout_of(first).code, self._rate, self._language)

    def before(self, frame: Frame) -> bytes:
        time = frame.time - self._start
        tick = round(time * self._ticks)
        if tick <= self._last:
            tick = self._last + 1
            time = Fraction(tick, self._ticks)
        self._last = tick
        size = frame.pixels.nbytes + (0 if frame.alpha is None else frame.alpha.nbytes)
        return matroska.frame_header(time, frame.duration, size)


class FfmpegWriter:
    """Frames into an ffmpeg that starts with the first one, because its command needs that frame's time.

    `command(first)` builds the command; `even` repeats the last column and row of odd-sized frames; `stdout`
    is where the child writes, for pipes; `second` what it reads beside the frames; `made` the file that it makes,
    which is looked at in the end.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[Frame], list[str]],
        feed: RawFeed,
        *,
        even: bool = False,
        stdout: int | IO[Any] = DEVNULL,
        second: SecondReader | None = None,
        made: Made | None = None,
    ) -> None:
        self.name = name
        self._made = made
        self._count = 0
        self._second = second
        self._command = command
        self._feed = feed
        self._even = even
        self._stdout = stdout
        self._process: Process | None = None
        self._shape: tuple[int, ...] = ()
        self._aborted = False

    def write(self, frame: Frame) -> None:
        """Encode a frame. Raises MediaError when ffmpeg has ended, or for a size that is not the first's."""
        frame = _even(frame) if self._even else frame
        values = packed(frame)
        if self._process is None:
            self._shape = values.shape
            handed = (self._second.descriptor,) if self._second else ()
            self._process = Process(self._command(frame), stdin=PIPE, stdout=self._stdout, handed=handed)
            if self._second:
                self._second.close()
            if self._aborted:  # between the check above and the start
                self._process.abort()
            self._send(self._feed.head(frame))
        elif values.shape != self._shape:
            raise MediaError(f"{self.name}: a frame of shape {values.shape} after one of {self._shape}")
        self._send(self._feed.before(frame))
        self._send(values.data)
        self._process.progress()
        self._count += 1

    def finish(self) -> None:
        """Complete the output. Raises MediaError when ffmpeg failed, had no room, or lost frames, or without any."""
        if self._process is None:
            raise MediaError(f"{self.name}: there was no frame to write")
        self._process.close_stdin()
        status = self._process.wait()
        # Some versions report a full disk while they close the file, and still end with 0.
        if status != 0 or self._process.said(FULL):
            raise self._failure(self._process)
        if self._made:
            try:
                self._made.check(self._count)
            except MediaError as problem:
                raise MediaError(f"{self.name}: {problem.message}", problem.hint) from problem

    def abort(self) -> None:
        """End the encoder at once."""
        self._aborted = True
        if self._process is not None:
            self._process.abort()
        if self._made:
            self._made.abort()

    def release(self) -> None:
        """Close the pipe after an abort; for the thread that writes."""
        if self._process is not None:
            self._process.close_stdin()

    def _send(self, data: bytes | memoryview) -> None:
        assert self._process is not None
        try:
            streams.send(self._process.stdin, data)
        except BrokenPipeError:
            self._process.wait()
            raise self._failure(self._process) from None

    def _failure(self, process: Process) -> MediaError:
        if process.said("Broken pipe"):
            return MediaError(CLOSED)
        if process.said(FULL):
            return MediaError(f"{self.name}: no space left", "free some space, or write somewhere else")
        return MediaError(f"{self.name}: encoding failed: {process.problem()}")


class RawWriter:
    """Frames as plain rgb24 bytes into a file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, frame: Frame) -> None:
        """Write a frame's bytes. Raises MediaError when nobody reads any more."""
        try:
            streams.write(self._descriptor, packed(frame).data)
        except BrokenPipeError:
            raise MediaError(CLOSED) from None

    def finish(self) -> None:
        """Nothing is left to do: every byte is out."""

    def abort(self) -> None:
        """Nothing to end; the writing thread stops with the pipeline."""

    def release(self) -> None:
        """The descriptor is not ours to close."""


def _even(frame: Frame) -> Frame:
    """The frame with its last column and row repeated where their number is odd."""
    down, right = frame.pixels.shape[0] % 2, frame.pixels.shape[1] % 2
    if not (down or right):
        return frame
    pixels = np.pad(frame.pixels, ((0, down), (0, right), (0, 0)), mode="edge")
    alpha = None if frame.alpha is None else np.pad(frame.alpha, ((0, down), (0, right)), mode="edge")
    return replace(frame, pixels=pixels, alpha=alpha)
