"""`reconet deflicker`: other tools' painted clips, with less flicker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconet_cli.commands.batch_options import report
from reconet_cli.commands.media_options import check_encoding, encoding_options
from reconet_cli.commands.parameters import SHARE, threads_option
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_files


@click.command(
    "deflicker",
    help="""Take the flicker out of STYLIZED, a clip that any tool has painted from ORIGINAL, into OUTPUT.

    Frames are paired by their index; sound and times are those of STYLIZED. `reconet stylize --deflicker` does both
    in one go.
    """,
)
@click.argument("original", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("stylized", type=click.Path(exists=True, dir_okay=False))
@click.argument("output", shell_complete=suggest_files)
@click.option("--strength", type=SHARE, default=1.0, show_default=True, help="0 changes nothing.")
@encoding_options
@threads_option
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--ffmpeg", metavar="PATH", shell_complete=suggest_files, help="Which ffmpeg to use.")
def command(
    original: Path,
    stylized: str,
    output: str,
    strength: float,
    media: dict[str, Any],
    yes: bool,
    ffmpeg: str | None,
) -> int:
    from reconet_cli import console
    from reconet_cli.stylizing.deflicker.clips import deflicker_clip
    from reconet_cli.video.request import Request

    # Strokes move by parts of a pixel: blocks of one chroma would be carried about as such.
    request = Request(stylized, output, overwrite=yes, ffmpeg=ffmpeg, smooth=True, others=(str(original),), **media)
    check_encoding([request])
    with ended_by_signals(), console.counter("painting", "frame") as progress:
        outcome = deflicker_clip(original, request, strength, progress)
    report(outcome, output)
    return 0
