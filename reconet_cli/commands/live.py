"""`reconet live`: a camera, painted in a window."""

from __future__ import annotations

from fractions import Fraction

import click

from reconet_cli.commands import effect_options
from reconet_cli.commands.parameters import RATE, SIZE, Command, engine_options, threads_option
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_files, suggest_styles, suggest_variants
from reconet_cli.system.processors import let_threads_sleep


@click.command(
    "live",
    cls=Command,
    help="""Paint a camera in a window. SOURCE is its number or name, a file, or an address; camera 0 if left out.

    \b
    n, p, →, ←     the next or the previous style
    +, -, ↑, ↓     more or less of the style
    o              the original, and back
    f              the full screen, and back
    s              save what is shown as a PNG in the current folder
    h              show the keys, or hide them
    q, Esc         quit
    """,
    groups={
        "Common options": "--style --strength --keep-color --size --fps",
        "Where it goes": "--record --virtual-camera --yes",
        "The network": "--variant --engine --device --precision --threads",
    },
)
@click.argument("source", default="0", shell_complete=suggest_files)
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="NAME|FILE|PICTURE",
    shell_complete=suggest_styles,
    help="Only these styles, beginning with the first.",
)
@effect_options.strength
@effect_options.keep_color
@click.option("--size", type=SIZE, help="Paint at this size; a camera is asked for it.")
@click.option("--fps", type=RATE, help="The frame rate that a camera is asked for.")
@click.option("--record", metavar="OUTPUT", shell_complete=suggest_files, help="Also record what is painted.")
@click.option("--virtual-camera", is_flag=True, help="Also act as a camera for other programs.")
@click.option(
    "--variant", default="auto", metavar="NAME", shell_complete=suggest_variants, help="Which network of the styles."
)
@engine_options
@threads_option
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--ffmpeg", metavar="PATH", shell_complete=suggest_files, help="Which ffmpeg to use.")
def command(
    source: str,
    styles: tuple[str, ...],
    strength: float,
    keep_color: bool,
    size: tuple[int, int] | None,
    fps: Fraction | None,
    record: str | None,
    virtual_camera: bool,
    variant: str,
    engine: str,
    device: str,
    precision: str,
    yes: bool,
    ffmpeg: str | None,
) -> int:
    let_threads_sleep()
    from reconet_cli import console
    from reconet_cli.engines.kinds import EngineOptions
    from reconet_cli.stylizing.live import LiveOptions, live

    options = LiveOptions(strength, keep_color, size, fps, record, virtual_camera, yes, ffmpeg)
    with ended_by_signals(), console.Countdown() as countdown:
        frames = live(
            source, styles, options, EngineOptions(variant, engine, device, precision),
            learning=lambda picture, done, left: countdown(f"learning {picture}", done, left),
        )  # fmt: skip
    console.note(f"{frames} frames")
    return 0
