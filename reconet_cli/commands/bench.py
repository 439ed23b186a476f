"""`reconet bench`: how fast styles are on this machine, and what they wait for."""

from __future__ import annotations

import json as json_format
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.parameters import SIZE, check_variant, engine_options, threads_option
from reconet_cli.commands.suggestions import suggest_styles, suggest_variants

if TYPE_CHECKING:
    from reconet_cli.video.request import Request

_SECONDS = Fraction(6)
_PATIENCE = 300.0  # seconds for making a test clip


@click.command(
    "bench",
    help="""Measure speed: the network alone, and a whole run from an h264 file to an h264 file.

    Absolute speeds drift with whatever else the machine does; ratios from one run hold.
    """,
)
@click.option(
    "--style", "styles", multiple=True, default=("mosaic",), show_default=True, shell_complete=suggest_styles,
    help="Repeatable.",
)  # fmt: skip
@click.option("--size", "sizes", multiple=True, type=SIZE, default=("640x360",), show_default=True, help="Repeatable.")
@click.option("--variant", default="auto", show_default=True, shell_complete=suggest_variants, help="fast, paper, …")
@engine_options
@threads_option
@click.option("--clip", type=click.Path(exists=True, dir_okay=False), help="Measure with this instead of a test clip.")
@click.option("--against", type=click.Choice(["eager"]), help="Also the plain network in eager float32 PyTorch.")
@click.option("--limits", is_flag=True, help="Also what the processor can do at most, and the network's share of it.")
@click.option("--json", is_flag=True, help="Print JSON instead of tables.")
def command(
    styles: tuple[str, ...], sizes: tuple[tuple[int, int], ...], against: str | None, limits: bool, **options: Any
) -> None:
    from reconet_cli import console
    from reconet_cli.styles.finding import find_style
    from reconet_cli.video.request import Request

    check_variant(styles, [find_style(style, options["variant"]) for style in styles])
    network: dict[str, Any] = {
        "variant": options["variant"],
        "backend": options["engine"],
        "device": options["device"],
        "precision": options["precision"],
    }
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        console.progress("measuring", len(styles) * len(sizes), "runs") as bar,
    ):
        for size in sizes:
            clip = options["clip"] or _test_clip(Path(folder), size)
            for style in styles:
                request = Request(clip, str(Path(folder) / "painted.mp4"), size=size, overwrite=True)
                rows.append(_measure(style, request, network, against, limits))
                bar.advance(bar.task_ids[0])
    if options["json"]:
        click.echo(json_format.dumps(rows, indent=2))
        return
    for row in rows:
        _print(row)


def _test_clip(folder: Path, size: tuple[int, int]) -> str:
    from reconet_cli.diagnosis.stages import example_clip
    from reconet_cli.errors import MediaError
    from reconet_cli.video.ffmpeg.locate import find_ffmpeg
    from reconet_cli.video.ffmpeg.process import ask

    path = str(folder / f"{size[0]}x{size[1]}.mp4")
    made = ask(example_clip(find_ffmpeg(), path, size, _SECONDS), _PATIENCE)
    if made.returncode != 0:
        raise MediaError("no clip can be made to measure with", "see `reconet doctor`, or name one with --clip")
    return path


def _measure(
    style: str, request: Request, network: dict[str, Any], against: str | None, limits: bool
) -> dict[str, Any]:
    from reconet_cli.diagnosis.limits import Limits
    from reconet_cli.diagnosis.networks import eager, example_frame, frames_per_second
    from reconet_cli.diagnosis.stages import profile
    from reconet_cli.engines import load_engine
    from reconet_cli.styles.finding import find_style

    assert request.size
    width, height = request.size
    engine = load_engine(style, height=height, width=width, **network)
    contestants: dict[str, Any] = {"network": engine}
    if against:
        contestants[against] = eager(find_style(style, network["variant"]))
    tops = Limits(engine) if limits else None
    if tops:
        contestants |= tops.contestants
    rates = frames_per_second(contestants, example_frame(height, width))
    whole = profile(request, style, **network)
    return {
        "style": style,
        "size": f"{width}x{height}",
        "engine": engine.description,
        "network_fps": round(rates["network"], 2),
        **({f"{against}_fps": round(rates[against], 2)} if against else {}),
        **({"limits": tops.shares(rates)} if tops else {}),
        "end_to_end_fps": round(whole.rate, 2),
        "stages": {name: round(getattr(whole, name), 3) for name in ("decode", "paint", "encode")},
        "limit": whole.limit,
        "cores": round(whole.cores, 2),
        "core_ms": {name: round(1000 * seconds / whole.frames, 2) for name, seconds in whole.spent.items()},
    }


def _print(row: dict[str, Any]) -> None:
    click.echo(f"{row['style']}, {row['size']}, {row['engine']}")
    click.echo(f"  network alone   {row['network_fps']:8.1f} fps")
    if "eager_fps" in row:
        ratio = row["network_fps"] / row["eager_fps"]
        click.echo(f"  eager float32   {row['eager_fps']:8.1f} fps   {ratio:.1f} times slower")
    for name, share in row.get("limits", {}).items():
        reached, most = share["reached"], share["most"]
        unit = {"arithmetic": "G multiplications/s", "memory": "GB/s moved"}[name]
        click.echo(f"  {name:<15} {reached:8.1f} {unit}, {reached / most:.0%} of {most:.0f}")
    click.echo(f"  file to file    {row['end_to_end_fps']:8.1f} fps   {row['cores']:.1f} cores busy")
    stages = ", ".join(f"{name} {share:.0%}" for name, share in row["stages"].items())
    click.echo(f"  at work         {stages}: {row['limit']} is the limit")
    spent = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in row["core_ms"].items())
    click.echo(f"  core-ms a frame {spent}")
