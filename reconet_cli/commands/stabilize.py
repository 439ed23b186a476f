"""`reconet stabilize`: other tools' painted clips, made steadier."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from reconet_cli.commands.batch_options import report
from reconet_cli.commands.media_options import check_encoding, encoding_options
from reconet_cli.commands.parameters import Share, threads_option
from reconet_cli.commands.signals import ended_by_signals


@click.command(
    "stabilize",
    help="""Steady STYLISED, a clip that any tool has painted from ORIGINAL, into OUTPUT.

    Frames are paired by their index; sound and times are those of STYLISED. `reconet stylize
    --stabilize` paints and steadies in one go.
    """,
)
@click.argument("original", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("stylised", type=click.Path(exists=True, dir_okay=False))
@click.argument("output")
@click.option("--strength", type=Share(), default=1.0, show_default=True, help="0 changes nothing.")
@encoding_options
@threads_option
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--ffmpeg", metavar="PATH", help="Which ffmpeg to use.")
def command(
    original: Path,
    stylised: str,
    output: str,
    strength: float,
    media: dict[str, Any],
    yes: bool,
    ffmpeg: str | None,
) -> int:
    from reconet_cli import console
    from reconet_cli.commands.painting import painting_progress
    from reconet_cli.media.request import Request
    from reconet_cli.pipeline import stylize
    from reconet_cli.stabilizing.clips import ClipStabilizer

    # Strokes move by parts of a pixel: blocks of one chroma would be carried about as such.
    request = Request(stylised, output, overwrite=yes, ffmpeg=ffmpeg, smooth=True, others=(str(original),), **media)
    check_encoding(request)
    with ended_by_signals(), ExitStack() as stack:
        opened: list[ClipStabilizer] = []

        def load(height: int, width: int, deep: bool) -> ClipStabilizer:
            opened.append(stack.enter_context(ClipStabilizer(original, (width, height), strength, ffmpeg)))
            return opened[0]

        outcome = stylize(request, load, note=console.note, progress=painting_progress)
        if opened[0].surplus():
            console.note(f"{original} goes on after the last frame of {stylised}: are they the same clip?")
    report(outcome, output)
    return 0
