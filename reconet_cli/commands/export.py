"""`reconet export`: a style as a file for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from reconet_cli.commands.parameters import SIZE, check_variant
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_styles, suggest_variants


@click.command(
    "export",
    help="""Write a style's network to OUTPUT, for other programs and machines.

    The file holds everything between a frame and the painted frame. It is run by its own runtime at five sizes, and
    removed if it paints another picture than the network.
    """,
)
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--style",
    required=True,
    metavar="NAME|FILE",
    shell_complete=suggest_styles,
    help="What to export; `reconet styles` lists.",
)
@click.option(
    "--variant", default="auto", metavar="NAME", shell_complete=suggest_variants, help="Which network of the style."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "openvino", "pt2", "torchscript"]),
    help="Instead of what the ending of OUTPUT says: .onnx, .xml, .pt2, .torchscript.",
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True)
@click.option(
    "--io",
    "frames",
    type=click.Choice(["float", "uint8"]),
    default="float",
    show_default=True,
    help="Frames in and out: float NCHW in [0, 1], or uint8 NHWC.",
)
@click.option("--size", type=SIZE, help="For frames of this size only; else for any.")
@click.option("--verify/--no-verify", default=True, help="Compare the file's pictures with the network's (default).")
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
def command(
    output: Path,
    style: str,
    variant: str,
    kind: str | None,
    precision: str,
    frames: Literal["float", "uint8"],
    size: tuple[int, int] | None,
    verify: bool,
    yes: bool,
) -> None:
    from reconet_cli import console
    from reconet_cli.exporting.export import export_style, written_files
    from reconet_cli.exporting.plan import chosen_format
    from reconet_cli.styles.finding import find_style

    check_variant([style], [find_style(style, variant)])
    with ended_by_signals():
        found = export_style(
            style, output, variant=variant, format=kind, precision=precision, frames=frames, size=size,
            verify=verify, overwrite=yes,
        )  # fmt: skip
    for one in found:
        width, height = one.size
        click.echo(
            f"{width}x{height}".ljust(10) + f"largest {one.largest:6.3f}  mean {one.mean:7.4f}  {one.psnr:5.1f} dB"
        )
    total = sum(path.stat().st_size for path in written_files(chosen_format(output, kind), output))
    console.note(f"{output}: {total / 1e6:.1f} MB")
