"""A clip without flicker, of that clip alone: read once to measure it, and once more to write it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.deflicker.alone.grid import Grid
from reconet_cli.stylizing.deflicker.alone.measuring import Change, Meter
from reconet_cli.stylizing.deflicker.alone.planning import Plan, planned
from reconet_cli.stylizing.deflicker.alone.stage import PlannedStage
from reconet_cli.stylizing.stage import Stage
from reconet_cli.stylizing.whole import Counter, Outcome, Progress, paint
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.inputs.finding import find_input
from reconet_cli.video.probing.packets import with_measured_rate
from reconet_cli.video.probing.source import video_stream
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader
from reconet_cli.video.request import Request


def deflicker_alone(request: Request, strength: float, measuring: Progress, writing: Progress) -> Outcome:
    """Take the flicker out of the clip that `request` names; as `paint`, with the progress of both readings."""
    path = Path(request.input)
    if stat.S_ISFIFO(path.stat().st_mode):
        raise MediaError(f"{path} can be read only once", "write it to a file first: it is measured, then corrected")

    def open_stages(height: int, width: int, sixteen_bit: bool) -> list[Stage]:
        return [PlannedStage(_measured(request, Grid.of(width, height), measuring), strength)]

    return paint(request, open_stages, writing)


def _measured(request: Request, grid: Grid, progress: Progress) -> Plan:
    """Read the clip in small frames and plan what to do."""
    program = find_ffmpeg(request.ffmpeg)
    with ExitStack() as stack:
        source, info, _ = find_input(program, request.input, None, None, stack, lists=False)
        video = with_measured_rate(program, source, video_stream(info, source.name))
        reader = FfmpegReader(program, source, info, video, ReadOptions(size=grid.size))
        stack.callback(reader.release)
        stack.callback(reader.abort)
        total = round(info.duration * (video.average or video.rate)) if info.duration else None
        return planned(_changes(reader, Meter(grid), Counter(total, progress)), float(video.rate), grid)


def _changes(reader: FfmpegReader, meter: Meter, advance: Counter) -> Iterator[tuple[Fraction, Change | None]]:
    for frame in reader:
        yield frame.time, meter(frame.pixels)
        advance()
    reader.finish()
