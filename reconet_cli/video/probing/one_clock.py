"""Recordings joined as bytes or by a playlist: the clock starts again, or leaps, where the next one begins."""

from __future__ import annotations

import math
import re
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from subprocess import PIPE
from typing import IO

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS, LOG_PROBLEMS, Process
from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source, file_url

# The formats whose clocks may leap, by ffmpeg's names, and in which of its muxers their streams are copied.
_MUXERS = {"mpegts": "mpegts", "mpeg": "vob", "hls": "mpegts"}
# What is a leap, in seconds; ffmpeg means the same.
_BACK, _FORTH = Fraction(1, 10), 10
_FASTEST = 60  # frames a second; some stated rates are a clock's
_TICK = re.compile(rb"#tb 0: (\d+)/(\d+)")


def with_one_clock(program: str, source: Source, info: MediaInfo, stack: ExitStack) -> tuple[Source, MediaInfo]:
    """The same file; where its clock leaps, a copy of its streams (as they are) whose clock does not.

    Decoder and encoder read a file on its own clock, which keeps sound in step, and ffmpeg mends leaps for those alone
    who do not. The copy is a temporary file, which `stack` removes. Raises MediaError where it cannot be made.
    """
    if source.passing or info.video is None or info.format not in _MUXERS:
        return source, info
    if info.format == "hls" and info.duration is None:  # live: it has no end
        return source, info
    if not _leaps(program, source, info.video):
        return source, info
    muxer = _MUXERS[info.format]
    with tempfile.NamedTemporaryFile(prefix="reconet-", suffix=f".{muxer}", delete=False) as file:
        copy = Path(file.name)
    stack.callback(copy.unlink, missing_ok=True)
    _copy(program, source, muxer, copy)
    mended = replace(source, url=file_url(copy), options=formats.alone())
    return mended, probe(program, mended)


def _leaps(program: str, source: Source, video: VideoStream) -> bool:
    """Whether the clock of a stream leaps anywhere; all of it is read, up to there."""
    stream = ffmpeg.input(source.url, **source.options)[str(video.index)]
    output = ffmpeg.output(stream, "pipe:1", f="framecrc", c="copy", copyinkf=None)
    command = [program, *GLOBAL_ARGUMENTS, "-copyts", *LOG_PROBLEMS, *ffmpeg.get_args(output)]
    process = Process(command, stdout=PIPE)
    try:
        with process.stdout as pipe:
            return _has_leap(pipe, max(2, math.ceil(min(video.rate, Fraction(_FASTEST)) * _BACK)))
    finally:
        process.abort()


def _has_leap(lines: IO[bytes], most: int) -> bool:
    """Whether time leaps ahead, or stands still for more than `most` packets: ffmpeg lets no muxer's time go back."""
    tick, still = Fraction(1), 0
    before: int | None = None
    for line in lines:
        if clock := _TICK.match(line):
            tick = Fraction(int(clock[1]), int(clock[2]))
        elif not line.startswith(b"#"):
            time = int(line.split(b",")[1])
            if before is not None:
                still = still + 1 if time <= before else 0
                if still > most or (time - before) * tick > _FORTH:
                    return True
            before = time
    return False


def _copy(program: str, source: Source, muxer: str, path: Path) -> None:
    opened = ffmpeg.input(source.url, **source.options)
    kinds = [opened[f"{kind}?"] for kind in "vasd"]
    output = ffmpeg.output(*kinds, file_url(path), f=muxer, c="copy")
    process = Process([program, *GLOBAL_ARGUMENTS, *LOG_PROBLEMS, *ffmpeg.get_args(output), "-y"])
    try:
        if process.wait() != 0:
            raise MediaError(f"{source.name}: its streams cannot be copied to {path}: {process.problem()}")
    finally:
        process.abort()
