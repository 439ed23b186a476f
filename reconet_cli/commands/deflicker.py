"""`reconet deflicker`: clips with less flicker, painted ones by their original and any one by itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from reconet_cli.commands.batch_options import report
from reconet_cli.commands.media_options import check_encoding, encoding_options
from reconet_cli.commands.parameters import SHARE, threads_option
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_files

_INPUT = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.command(
    "deflicker",
    help="""Take the flicker out of CLIP, into OUTPUT.

    Alone, CLIP is any video with pumping exposure, color shifts, or bands from lamps, a time lapse, or frames that
    were generated one by one. It is read twice. Motion, cuts, flashes and fades stay.

    With the ORIGINAL that CLIP was painted from, by any tool, brush strokes are carried along with its motion. Frames
    are paired by their index. `reconet stylize --deflicker` paints and does this in one go.

    Sound and times are those of CLIP.
    """,
)
@click.argument("files", nargs=-1, metavar="[ORIGINAL] CLIP OUTPUT", shell_complete=suggest_files)
@click.option("--strength", type=SHARE, default=1.0, show_default=True, help="0 changes nothing.")
@encoding_options
@threads_option
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--ffmpeg", metavar="PATH", shell_complete=suggest_files, help="Which ffmpeg to use.")
@click.pass_context
def command(
    context: click.Context,
    files: tuple[str, ...],
    strength: float,
    media: dict[str, Any],
    yes: bool,
    ffmpeg: str | None,
) -> int:
    from reconet_cli import console
    from reconet_cli.stylizing.deflicker.clips import deflicker_file
    from reconet_cli.video.request import Request

    original, clip, output = _sorted(files, context)
    request = Request(clip, output, overwrite=yes, ffmpeg=ffmpeg, **media)
    check_encoding([request])
    with ended_by_signals(), console.Phases("frame") as show:
        outcome = deflicker_file(request, original, strength, partial(show, "measuring"), partial(show, "deflickering"))
    report(outcome, output)
    return 0


def _sorted(files: tuple[str, ...], context: click.Context) -> tuple[Path | None, str, str]:
    """The original, the clip and the output. Raises UsageError for another number of names or a missing input."""
    if len(files) not in (2, 3):
        count = "1 name" if len(files) == 1 else f"{len(files)} names"
        raise click.UsageError(f"{count}: give CLIP OUTPUT, or ORIGINAL CLIP OUTPUT")
    *inputs, output = files
    for name in inputs:
        _INPUT.convert(name, context.command.params[0], context)
    return (Path(inputs[0]) if len(inputs) == 2 else None), inputs[-1], output
