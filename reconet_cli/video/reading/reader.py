"""Frames out of a video: numpy arrays with the time at which each is shown."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from subprocess import DEVNULL, PIPE
from typing import Any, Protocol

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import standard_streams as streams
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.ffmpeg.process import COLOR, Process
from reconet_cli.video.probing.examine import Input
from reconet_cli.video.reading.decode import ReadOptions, decode_command

_PATIENCE = 5.0  # seconds that ffmpeg has to end after its last frame
_ABORTED = 0.1  # and before it: nothing is lost with a decoder, and a full pipe may hold it
# Seconds until somebody looks why no line has come, and that it then has: it is written before its frame.
_SILENCE, _DELAY = 1.0, 3.0


class Reader(Protocol):
    """A source of frames, all of the same `size` (width, height) and sample `aspect` ratio.

    `finish` checks the source after its last frame; `abort` ends it early, from any thread; the reading
    thread calls `release` last.
    """

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def aspect(self) -> Fraction: ...
    def __iter__(self) -> Iterator[Frame]: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
    def release(self) -> None: ...


class FfmpegReader:
    """Frames that ffmpeg decodes: rotation applied, colors converted with the stream's own matrix and range.

    Frame times come from the showinfo filter's log lines, one before each frame; so variable rates survive.
    They count from the input's start (of whichever stream begins first), or from `options.start`.
    `feed` is given the child's stdin when the source is a pipe.
    """

    def __init__(
        self,
        program: str,
        found: Input,
        options: ReadOptions,
        *,
        feed: Callable[[Process], None] | None = None,
    ) -> None:
        info, video = found.info, found.video
        self.name = found.source.name
        self.count = 0
        self._nominal = 1 / (options.rate or video.rate)
        self._constant_rate = video.constant_rate or options.rate is not None
        self._end = None if info.duration is None else info.duration - (options.start or 0)
        self._layout = options.layout
        self._cut = False
        self._times = _FrameTimes()
        self._origin = found.origin(options.start)
        command = decode_command(program, found, options)
        self._process = Process(command, stdin=PIPE if feed else DEVNULL, stdout=PIPE, on_log=self._times)
        if feed:
            feed(self._process)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame; waits for the first."""
        return self._first.size

    @property
    def aspect(self) -> Fraction:
        """Sample aspect ratio of every frame; waits for the first."""
        return self._first.aspect

    @property
    def damage(self) -> int:
        """Number of errors that ffmpeg reported and decoded past."""
        return self._process.error_count

    def __iter__(self) -> Iterator[Frame]:
        width, height = self.size
        time = -self._nominal
        while (shown := self._next()) is not None:
            self._times.pop()
            if shown.size != (width, height):
                raise MediaError(f"{self.name}: the frame size changes half way", "give --size")
            values = self._layout.empty(width, height)
            if not read_exactly(self._process.stdout, values):
                self._cut = True
                return
            self.count += 1
            self._process.progress()
            before, time = time, time + self._nominal if shown.time is None else shown.time - self._origin
            yield self._layout.frame(values, time, self._duration(shown, time, time - before))

    def finish(self) -> None:
        """Wait for ffmpeg's end after the last frame. Raises MediaError when it failed or gave no frame."""
        status = self._process.wait(_PATIENCE)
        if status is None:
            raise self._endless()
        if status == 0 and self._cut:
            raise MediaError(f"{self.name}: decoding ended inside a frame: {self._process.problem()}")
        if status != 0:
            raise MediaError(f"{self.name}: decoding failed: {self._process.problem()}")
        if streams.ready(self._process.stdout.fileno()) and self._process.stdout.read(1):
            raise self._untold()
        if self.count == 0:
            raise MediaError(f"{self.name}: no frame could be decoded: {self._process.problem()}")

    def abort(self) -> None:
        """End the decoder at once."""
        self._process.abort(_ABORTED)

    def release(self) -> None:
        """Close the pipe out of the decoder."""
        self._process.stdout.close()

    def close(self) -> None:
        """End the decoder and close its pipe, where one thread does everything."""
        self.abort()
        self.release()

    def _next(self) -> _Shown | None:
        """What is said of the next frame, None after the last. Raises MediaError where frames come without that."""
        while not self._times.wait(_SILENCE):
            if streams.ready(self._process.stdout.fileno()) and not self._times.wait(_DELAY):
                raise self._untold() if self._process.stdout.read(1) else self._endless()
            if not self._process.running and not self._times.wait(_DELAY):
                break  # somebody else holds the log
        return self._times.peek()

    def _untold(self) -> MediaError:
        return MediaError(f"{self.name}: ffmpeg gives more than the frames that it tells of", "try another ffmpeg")

    def _endless(self) -> MediaError:
        return MediaError(f"{self.name}: ffmpeg gave its last frame and does not end")

    def _duration(self, shown: _Shown, time: Fraction, step: Fraction) -> Fraction:
        """How long a frame is shown that comes at `time`, `step` after the one before."""
        if shown.duration is not None:
            return shown.duration
        if self._constant_rate:
            return self._nominal
        guess = min(max(step, self._nominal), max(self._nominal, Fraction(1)))
        return min(guess, self._end - time) if self._end is not None and self._end > time else guess

    @cached_property
    def _first(self) -> _Shown:
        first = self._next()
        if first is None:
            self.finish()
            raise MediaError(f"{self.name}: no frame could be decoded: {self._process.problem()}")
        return first


def read_exactly(pipe: Any, pixels: np.ndarray) -> bool:
    """Fill `pixels` from an unbuffered pipe; False when it ends before the last byte."""
    rest = pixels.data.cast("B")
    while rest:
        count = pipe.readinto(rest)
        if not count:
            return False
        rest = rest[count:]
    return True


@dataclass(frozen=True)
class _Shown:
    time: Fraction | None
    duration: Fraction | None
    size: tuple[int, int]
    aspect: Fraction


class _FrameTimes:
    """The showinfo lines of a decoder's log, as a queue between the draining thread and the reading one."""

    # Only ffmpeg can write colors: a title like such a line has none.
    _MARK = rf"{COLOR}\[Parsed_showinfo_\d+ @ \w+\] {COLOR}\[info\]"
    _CLOCK = re.compile(rf"{_MARK} config in time_base: (\d+)/(\d+)")
    _FRAME = re.compile(
        rf"{_MARK} n: *\d+ pts: *(-?\d+|NOPTS) "
        r".*? sar:(\d+)/(\d+) s:(\d+)x(\d+) "
    )
    _DURATION = re.compile(r" duration: *(\d+) ")

    def __init__(self) -> None:
        self._tick = Fraction(1, 1000)
        self._queue: deque[_Shown] = deque()
        self._changed = threading.Condition()
        self._ended = False

    def __call__(self, line: str | None) -> None:
        if line is None:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
        elif match := self._FRAME.search(line):
            pts, up, down, width, height = match.groups()
            # Matroska's frames claim to last one tick, and older ffmpegs do not say.
            long = self._DURATION.search(line)
            shown = _Shown(
                None if pts == "NOPTS" else int(pts) * self._tick,
                int(long[1]) * self._tick if long and int(long[1]) > 1 else None,
                (int(width), int(height)),
                Fraction(int(up), int(down)) if int(up) and int(down) else Fraction(1),
            )
            with self._changed:
                self._queue.append(shown)
                self._changed.notify_all()
        elif match := self._CLOCK.search(line):
            self._tick = Fraction(int(match[1]), int(match[2]))

    def wait(self, seconds: float) -> bool:
        """Wait for the next frame's line, or the end of the log; False where neither comes."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._queue or self._ended, seconds))

    def peek(self) -> _Shown | None:
        """The next frame's line, None where there is none."""
        with self._changed:
            return self._queue[0] if self._queue else None

    def pop(self) -> None:
        """Take that off the queue."""
        with self._changed:
            self._queue.popleft()
