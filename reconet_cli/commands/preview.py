"""`reconet preview`: what a clip looks like in every style."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from reconet_cli.commands import effect_options
from reconet_cli.commands.parameters import TIME, Text, threads_option
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_files, suggest_styles


def _setting(text: str) -> tuple[str, list[float]]:
    """A name and numbers: `strength=0.3,1`."""
    name, _, numbers = text.partition("=")
    try:
        return name, [float(number) for number in numbers.split(",")]
    except ValueError:
        raise ValueError(f"{text!r} is not like strength=0.3,0.6,1") from None


@click.command(
    "preview",
    help="""Paint a few moments of INPUT in every style, into one picture: OUTPUT, or INPUT's name with -preview.jpg.

    Each row says how long the whole clip would take here.
    """,
)
@click.argument("source", metavar="INPUT", shell_complete=suggest_files)
@click.argument("output", required=False, shell_complete=suggest_files)
@click.option(
    "--style", "styles", multiple=True, metavar="NAME|FILE", shell_complete=suggest_styles, help="Only these styles."
)
@click.option(
    "--vary",
    type=Text("setting", _setting),
    metavar="NAME=VALUES",
    help="Compare settings: strength=0.3,0.6,1 or mix=0.2,0.5.",
)
@click.option("--moments", type=click.IntRange(1, 24), default=4, show_default=True, help="How many frames.")
@effect_options.strength
@effect_options.keep_color
@effect_options.mask
@effect_options.deflicker
@click.option("--start", type=TIME, help="Look from here on.")
@click.option("--duration", type=TIME, help="Look at so much of the input.")
@threads_option
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
def command(
    source: str,
    output: str | None,
    styles: tuple[str, ...],
    vary: tuple[str, list[float]] | None,
    moments: int,
    strength: float,
    keep_color: bool,
    mask: str | None,
    deflicker: float,
    start: Fraction | None,
    duration: Fraction | None,
    yes: bool,
) -> int:
    from reconet_cli import console
    from reconet_cli.stylizing.effects import Effects
    from reconet_cli.stylizing.preview import preview

    effects = Effects(strength, keep_color, effect_options.checked_mask(mask), deflicker=deflicker)
    target = output or f"{Path(source).stem}-preview.jpg"
    with ended_by_signals(), console.counter("painting", "frame") as progress:
        rows = preview(
            source, target, styles=styles or None, vary=vary, effects=effects, moments=moments, start=start,
            duration=duration, overwrite=yes, progress=progress,
        )  # fmt: skip
    console.note(f"{target}: {len(rows)} rows")
    return 0
