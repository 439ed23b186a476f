"""`reconet stylize`: a video or a picture, painted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.signals import ended_by_signals

if TYPE_CHECKING:
    from reconet_cli.pipeline import Painter


class Size(click.ParamType):
    """WIDTHxHEIGHT in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Turn `640x360` into (640, 360)."""
        match = re.fullmatch(r"([1-9]\d{0,4})[xX×:]([1-9]\d{0,4})", str(value))
        if match is None:
            self.fail(f"{value!r} is no size like 640x360", param, ctx)
        return int(match[1]), int(match[2])


class Ratio(click.ParamType):
    """A positive number: decimal or a fraction such as 30000/1001."""

    name = "number"

    def __init__(self, most: int, name: str) -> None:
        self.most = most
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Turn `29.97` or `30000/1001` into an exact Fraction."""
        try:
            number = Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is not a number", param, ctx)
        if not 0 < number <= self.most:
            self.fail(f"{value} is not above 0 and at most {self.most}", param, ctx)
        # ffmpeg holds fractions in 32 bits each.
        return number.limit_denominator(1_000_000)


class Time(click.ParamType):
    """Seconds, or minutes and hours with colons: 83.5, 1:23.5, 0:01:23.5."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Turn a time into seconds."""
        match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no time like 83.5 or 1:23.5", param, ctx)
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


@click.command("stylize")
@click.argument("source", metavar="INPUT")
@click.argument("target", metavar="OUTPUT")
@click.option("--style", required=True, metavar="NAME|FILE", help="What to paint with; `reconet styles` lists.")
@click.option("--variant", default="auto", metavar="NAME", help="Which network of the style.")
@click.option("--size", type=Size(), help="Paint at this size (raw input: the size that it has).")
@click.option("--scale", type=Ratio(16, "factor"), help="Paint at this multiple of the input's size.")
@click.option("--fps", type=Ratio(1000, "rate"), help="A new constant frame rate (raw input: its own).")
@click.option("--start", type=Time(), help="Begin here in the input.")
@click.option("--duration", type=Time(), help="Paint only so much of it.")
@click.option("--codec", metavar="NAME", help="ffmpeg's name of the video encoder.")
@click.option("--crf", type=click.IntRange(0, 63), help="Quality: lower is better and larger.")
@click.option("--preset", metavar="NAME", help="The encoder's speed preset.")
@click.option("--format", type=click.Choice(["y4m", "rgb24"]), help="What goes to standard output.")
@click.option("--engine", type=click.Choice(["auto", "openvino", "torch"]), default="auto", show_default=True)
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda, cuda:1, mps, …")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", show_default=True)
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--ffmpeg", metavar="PATH", help="Which ffmpeg to use.")
def command(
    source: str,
    target: str,
    style: str,
    variant: str,
    size: tuple[int, int] | None,
    scale: Fraction | None,
    fps: Fraction | None,
    start: Fraction | None,
    duration: Fraction | None,
    codec: str | None,
    crf: int | None,
    preset: str | None,
    format: str | None,
    engine: str,
    device: str,
    precision: str,
    yes: bool,
    ffmpeg: str | None,
) -> None:
    """Paint INPUT, a video or a picture, into OUTPUT.

    Sound, subtitles, chapters and every frame's time are kept. The ending of OUTPUT chooses the kind of file.

    A - as INPUT reads standard input: y4m, a container, or rgb24 frames with --size and --fps. A - as OUTPUT
    writes y4m (rgb24 if that came in) to standard output:

    \b
    ffmpeg -i in.mp4 -f yuv4mpegpipe - |
        reconet stylize - - --style mosaic | ffplay -
    """  # noqa: D301 - click reads the \b
    if size and scale:
        raise click.UsageError("--size and --scale exclude each other")
    if format and target != "-":
        raise click.UsageError("--format is for standard output (-)")
    if duration is not None and duration <= 0:
        raise click.UsageError("--duration is not above 0")

    from reconet_cli import console
    from reconet_cli.media.request import Request
    from reconet_cli.model.styles import find_style
    from reconet_cli.pipeline import stylize

    find_style(style, variant)  # a wrong name shows before anything starts
    request = Request(
        source, target, size, scale, fps, start, duration, codec, crf, preset, format, yes, ffmpeg
    )  # fmt: skip
    description = ""

    def load(height: int, width: int) -> Painter:
        nonlocal description
        from reconet_cli.engine import load_engine

        paint = load_engine(
            style,
            height=height,
            width=width,
            variant=variant,
            backend=engine,
            device=device,
            precision=precision,
        )
        description = paint.description
        console.note(description)
        return paint

    with ended_by_signals():
        outcome = stylize(request, load, note=console.note, progress=_progress)
    pace = outcome.frames / outcome.seconds if outcome.seconds > 0 else 0.0
    name = "standard output" if target == "-" else target
    frames = "1 frame" if outcome.frames == 1 else f"{outcome.frames} frames"
    console.note(f"{frames} of {outcome.size[0]}x{outcome.size[1]} in {outcome.seconds:.1f} s ({pace:.1f} fps): {name}")


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    from reconet_cli import console

    with console.progress("painting", total, "frame") as bar:
        yield lambda: bar.advance(bar.task_ids[0])
