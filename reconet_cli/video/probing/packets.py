"""When the packets of a stream are shown: what a container says of its rate may be rounded, or be a clock's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS, ask
from reconet_cli.video.probing.info import VideoStream
from reconet_cli.video.probing.source import Source

_PLAIN_RATES = (5, 300)  # frames a second; those in print have two digits behind the point, and clocks have high ones
_ENOUGH = 400  # packets
_REORDERED = 16  # of the last ones, some that are shown before them may not have come yet
_PATIENCE = 60  # seconds
_TICK = re.compile(rb"#tb 0: (\d+)/(\d+)")


def with_measured_rate(program: str, source: Source, video: VideoStream) -> VideoStream:
    """The same stream with the rate at which its first packets come, where the stated one is doubtful.

    What can be read only once stays as it is.
    """
    slowest, fastest = _PLAIN_RATES
    if source.passing or (video.average is not None and slowest <= video.average <= fastest):
        return video
    times, tick = _times(program, source, video.index)
    if len(times) < 2:
        return video
    span = times[-1] - times[0]
    rate = (len(times) - 1) / span
    doubt = max(2 * tick / span, Fraction(1, 1000))
    simple = rate.limit_denominator(1 if rate > fastest else 1001)
    stated = (r for r in (video.average, simple) if r and abs(r - rate) <= doubt * rate)
    rate = next(stated, rate)
    constant_rate = all(abs(b - a - 1 / rate) <= tick for a, b in pairwise(times))
    return replace(video, rate=rate, average=rate, constant_rate=constant_rate)


def _times(program: str, source: Source, index: int) -> tuple[Sequence[Fraction], Fraction]:
    """When the first packets are shown, in order, and the tick of their clock; in seconds."""
    stream = ffmpeg.input(source.url, **source.options)[str(index)]
    output = ffmpeg.output(stream, "pipe:1", f="framecrc", c="copy", copyinkf=None, **{"frames:v": _ENOUGH})
    command = [program, *GLOBAL_ARGUMENTS, "-copyts", "-loglevel", "error", *ffmpeg.get_args(output)]
    try:
        said = ask(command, _PATIENCE).stdout
    except MediaError:
        return (), Fraction(1)
    clock = _TICK.search(said)
    tick = Fraction(int(clock[1]), int(clock[2])) if clock else Fraction(1)
    rows = [line.split(b",") for line in said.splitlines() if not line.startswith(b"#")]
    times = sorted({int(row[2]) * tick for row in rows if row[2].strip().lstrip(b"-").isdigit()})
    return times[:-_REORDERED] if len(times) > 4 * _REORDERED else times, tick
