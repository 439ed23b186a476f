"""Frames out of a video: numpy arrays with the time at which each is shown."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from subprocess import DEVNULL, PIPE
from typing import Any, Protocol

import ffmpeg
import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.media.colour import SCALE_FLAGS, is_rgb
from reconet_cli.media.info import MediaInfo, VideoStream
from reconet_cli.media.process import GLOBAL_ARGUMENTS, LOG_EVERYTHING, Process
from reconet_cli.media.source import Source

_SEEK_MARGIN = 10  # seconds


@dataclass(frozen=True)
class Frame:
    """A picture, uint8 RGB (H, W, 3), shown at `time` for `duration`, both in seconds."""

    pixels: np.ndarray
    time: Fraction
    duration: Fraction


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


@dataclass(frozen=True)
class ReadOptions:
    """How to read: (width, height) or a factor to resize by, a new frame rate, the part to read in seconds.

    `pad` lets the first frame of the new rate stand from time 0 on, for containers that keep no frame times.
    """

    size: tuple[int, int] | None = None
    scale: Fraction | None = None
    rate: Fraction | None = None
    pad: bool = False
    start: Fraction | None = None
    duration: Fraction | None = None

    def origin(self, info: MediaInfo) -> Fraction:
        """The time on the input's own clock that becomes zero."""
        return info.start + (self.start or 0)


class FfmpegReader:
    """Frames that ffmpeg decodes: rotation applied, colours converted with the stream's own matrix and range.

    Frame times come from the showinfo filter's log lines, one before each frame; so variable rates survive.
    They count from the input's start (of whichever stream begins first), or from `options.start`.
    `feed` is given the child's stdin when the source is a pipe.
    """

    def __init__(
        self,
        program: str,
        source: Source,
        info: MediaInfo,
        video: VideoStream,
        options: ReadOptions,
        *,
        feed: Callable[[Process], None] | None = None,
    ) -> None:
        self.name = source.name
        self.count = 0
        self._nominal = 1 / (options.rate or video.rate)
        self._steady = video.steady or options.rate is not None
        self._end = None if info.duration is None else info.duration - (options.start or 0)
        self._times = _FrameTimes()
        self._origin = options.origin(info)
        command = decode_command(program, source, info, video, options)
        self._process = Process(command, stdin=PIPE if feed else DEVNULL, stdout=PIPE, on_log=self._times)
        if feed:
            feed(self._process)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame; waits for the first."""
        return self._first().size

    @property
    def aspect(self) -> Fraction:
        """Sample aspect ratio of every frame; waits for the first."""
        return self._first().aspect

    @property
    def damage(self) -> int:
        """Number of errors that ffmpeg reported and decoded past."""
        return self._process.error_count

    def __iter__(self) -> Iterator[Frame]:
        width, height = self.size
        time = -self._nominal
        while (shown := self._times.pop()) is not None:
            if shown.size != (width, height):
                raise MediaError(f"{self.name}: the frame size changes half way", "give --size")
            pixels = np.empty((height, width, 3), np.uint8)
            if not read_exactly(self._process.stdout, pixels):
                return
            self.count += 1
            before, time = time, time + self._nominal if shown.time is None else shown.time - self._origin
            yield Frame(pixels, time, self._duration(shown, time, time - before))

    def finish(self) -> None:
        """Wait for ffmpeg's end after the last frame. Raises MediaError when it failed or gave no frame."""
        status = self._process.wait()
        if status != 0:
            raise MediaError(f"{self.name}: decoding failed: {self._process.problem()}")
        if self.count == 0:
            raise MediaError(f"{self.name}: no frame could be decoded: {self._process.problem()}")

    def abort(self) -> None:
        """End the decoder at once."""
        self._process.abort()

    def release(self) -> None:
        """Close the pipe out of the decoder."""
        self._process.stdout.close()

    def _duration(self, shown: _Shown, time: Fraction, step: Fraction) -> Fraction:
        """How long a frame is shown that comes at `time`, `step` after the one before."""
        if shown.duration is not None:
            return shown.duration
        if self._steady:
            return self._nominal
        guess = min(max(step, self._nominal), Fraction(1))
        return min(guess, self._end - time) if self._end is not None and self._end > time else guess

    def _first(self) -> _Shown:
        first = self._times.peek()
        if first is None:
            self.finish()
            raise MediaError(f"{self.name}: no frame could be decoded: {self._process.problem()}")
        return first


def decode_command(
    program: str, source: Source, info: MediaInfo, video: VideoStream, options: ReadOptions
) -> list[str]:
    """Build the decoder's command: frames as rgb24 on stdout, one showinfo line on stderr for each.

    Times stay on the input's clock (-copyts): what ffmpeg would subtract depends on the streams in use, and
    the encoder uses others than the decoder.
    """
    stream = _part(source, info, video, options)
    if options.rate:
        stream = _even(stream, options.rate, options.origin(info), pad=options.pad)
    colour = {} if is_rgb(video.pixel_format) else video.colour.settled(video.height).scale_in()
    size = _scaled_size(video, options, info.is_picture)
    stream = stream.filter("scale", **size, **colour, out_range="pc", flags=SCALE_FLAGS)
    stream = stream.filter("format", pix_fmts="rgb24").filter("showinfo", checksum=0)
    only: dict[str, Any] = {"frames:v": 1} if info.is_picture else {}
    output = ffmpeg.output(stream, "pipe:1", f="rawvideo", fps_mode="passthrough", enc_time_base="1/1000000", **only)
    return [program, *GLOBAL_ARGUMENTS, "-copyts", *LOG_EVERYTHING, *ffmpeg.get_args(output)]


def _even(stream: Any, rate: Fraction, origin: Fraction, *, pad: bool) -> Any:
    """Frames at a constant rate; `pad` repeats the first one back to the origin."""
    # The first frame is put in the middle of a slot: where times fall between two slots, the smallest rounding
    # in them (Matroska's milliseconds) would double one frame and drop the next.
    zero = seconds(origin)
    stream = stream.filter("setpts", f"PTS-STARTPTS+(round((STARTT-{zero})*{rate})/({rate})+{zero})/TB")
    return stream.filter("fps", fps=str(rate), **({"start_time": zero} if pad else {}))


def _part(source: Source, info: MediaInfo, video: VideoStream, options: ReadOptions) -> Any:
    """The frames from `options.start` on, for `options.duration`."""
    origin = options.origin(info)
    skip = options.start
    if skip is not None and info.format == "mpegts":
        # No index says where the keyframes are, so a seek may land behind the one that is needed.
        skip = max(Fraction(0), skip - _SEEK_MARGIN)
    cut: dict[str, str] = {} if skip is None else {"ss": seconds(skip)}
    if options.duration is not None:
        cut["t"] = seconds(options.duration + (options.start or 0) - (skip or 0))
    stream = ffmpeg.input(source.url, **source.options, **cut)[str(video.index)]
    return stream if skip == options.start else stream.filter("trim", start=seconds(origin))


def _scaled_size(video: VideoStream, options: ReadOptions, picture: bool) -> dict[str, Any]:
    if options.size:
        width, height = options.size
    elif picture:
        # A picture's rotation may stand in its EXIF data, which only the decoder sees.
        factor = float(options.scale or 1)
        return {"w": f"max(1,round(iw*{factor}))", "h": f"max(1,round(ih*{factor}))"}
    else:
        width, height = video.shown_size
        if options.scale:
            width, height = (max(2, round(n * options.scale / 2) * 2) for n in (width, height))
    return {"w": width, "h": height}


def seconds(time: Fraction) -> str:
    """A time for ffmpeg, to the microsecond that it counts in."""
    return f"{float(time):.6f}"


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

    _CLOCK = re.compile(r"^\[Parsed_showinfo_\d+ @ \w+\] \[info\] config in time_base: (\d+)/(\d+)")
    _FRAME = re.compile(
        r"^\[Parsed_showinfo_\d+ @ \w+\] \[info\] n: *\d+ pts: *(-?\d+|NOPTS) "
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
        elif match := self._FRAME.match(line):
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
        elif match := self._CLOCK.match(line):
            self._tick = Fraction(int(match[1]), int(match[2]))

    def peek(self) -> _Shown | None:
        """The next frame's line, waiting for it; None after the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ended)
            return self._queue[0] if self._queue else None

    def pop(self) -> _Shown | None:
        """The same, taken off the queue."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ended)
            return self._queue.popleft() if self._queue else None
