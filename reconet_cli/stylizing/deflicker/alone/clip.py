"""A clip without flicker, of that clip alone: read once to measure it, and once more to write it."""

from __future__ import annotations

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
from reconet_cli.video.inputs.names import find_input
from reconet_cli.video.probing.examine import examine
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader
from reconet_cli.video.request import PIPE, Request


def deflicker_alone(request: Request, strength: float, measuring: Progress, writing: Progress) -> Outcome:
    """Take the flicker out of the clip that `request` names; as `paint`, with the progress of both readings."""
    if request.input == PIPE or Path(request.input).is_fifo():
        name = "standard input" if request.input == PIPE else request.input
        raise MediaError(f"{name} can be read only once", "save it to a file first: a clip alone is read twice")

    def open_stages(height: int, width: int, sixteen_bit: bool) -> list[Stage]:
        return [PlannedStage(_measured(request, Grid.of(width, height), measuring), strength)]

    return paint(request, open_stages, writing)


def _measured(request: Request, grid: Grid, progress: Progress) -> Plan:
    """Read the clip in small frames and plan what to do."""
    program = find_ffmpeg(request.ffmpeg)
    with ExitStack() as stack:
        source, info, _ = find_input(program, request.input, None, None, stack, lists=False)
        found = examine(program, source, info)
        video = found.video
        reader = FfmpegReader(program, found, ReadOptions(size=grid.size))
        stack.callback(reader.close)
        total = round(info.duration * (video.average or video.rate)) if info.duration else None
        return planned(_changes(reader, Meter(grid), Counter(total, progress)), float(video.rate), grid)


def _changes(reader: FfmpegReader, meter: Meter, advance: Counter) -> Iterator[tuple[Fraction, Change | None]]:
    for frame in reader:
        yield frame.time, meter(frame.pixels)
        advance()
    reader.finish()
