"""`reconet evaluate`: how much painted clips flicker, and what that cost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.flow import METHODS
from reconet_cli.commands.parameters import SIZE, Command, check_variant, deflicker_option, engine_options, refuse
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_styles, suggest_variants

if TYPE_CHECKING:
    from reconet_cli.evaluation.reports import ClipReport, TruthReport

# Pairs of each painted clip that a page shows.
_WORST = 3
_FILE = click.Path(path_type=Path)


@click.command(
    "evaluate",
    cls=Command,
    help="""Measure flicker: the paper's temporal error and its companions.

    \b
    reconet evaluate ORIGINAL STYLIZED...           painted by whatever tool
    reconet evaluate ORIGINAL --style NAME          paint and measure in one go
    reconet evaluate --sintel FOLDER --style NAME   the paper's table, by true flow

    Clips are videos or folders of pictures; frames are paired by their index. The original's own error is the floor:
    flow, light and noise are in it.
    """,
    groups={
        "Common options": "--style --deflicker --style-picture --frames --size --html --csv --json --yes",
        "Measures": "--truth --method --loss-network",
        "The network": "--variant --engine --device --precision",
    },
)
@click.argument("clips", nargs=-1, metavar="[ORIGINAL [STYLIZED...]]", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--style", "styles", multiple=True, metavar="NAME|FILE", shell_complete=suggest_styles,
    help="Paint with this and measure; repeatable.",
)  # fmt: skip
@click.option(
    "--sintel",
    "--truth",
    "truth",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Paint a data set with true flow: MPI Sintel for the paper's table, or another one.",
)
@deflicker_option(
    help="Every style once more without flicker: how much, 0 to 1; 1 if left out.",
)
@click.option(
    "--style-picture",
    "pictures",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Measure the distance to this style; one for all columns, or one for each.",
)
@click.option("--method", type=click.Choice(METHODS), default="dis-medium", show_default=True, help="Optical flow.")
@click.option(
    "--loss-network",
    default="compact",
    show_default=True,
    metavar="NAME|FILE",
    help="What compares style, content and perception: compact, vgg16, squeezenet (adds LPIPS) or a file; none leaves "
    "them out.",
)
@click.option("--size", type=SIZE, help="Bring all frames to this size.  [default: their own; --sintel: 640x360]")
@click.option("--frames", type=click.IntRange(2), metavar="N", help="Measure the first N frames.")
@click.option(
    "--variant", default="auto", metavar="NAME", shell_complete=suggest_variants, help="Which network of the styles."
)
@engine_options
@click.option("--json", "json_file", type=_FILE, metavar="FILE|-", help="Every number as JSON; - instead of the table.")
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="A line a frame.")
@click.option("--html", "html_file", type=_FILE, metavar="FILE", help="A page with curves and the worst frames.")
@click.option("-y", "--yes", is_flag=True, help="Overwrite these files.")
def command(
    clips: tuple[Path, ...],
    styles: tuple[str, ...],
    truth: Path | None,
    pictures: tuple[Path, ...],
    json_file: Path | None,
    csv_file: Path | None,
    html_file: Path | None,
    yes: bool,
    **options: Any,
) -> None:
    # Spinning OpenMP threads slow everything down as soon as anything else wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _check(clips, styles, truth, pictures, options)
    from reconet_cli import console
    from reconet_cli.engines import EngineOptions, LoadedStyle
    from reconet_cli.evaluation.evaluate import evaluate, evaluate_truth
    from reconet_cli.evaluation.report_files import ReportFiles
    from reconet_cli.model.loss_files import LPIPS_HEADS
    from reconet_cli.video.inputs.names import files_of

    network = EngineOptions(*(options[name] for name in ("variant", "engine", "device", "precision")))
    # A wrong name shows before anything starts.
    loaded = [LoadedStyle(style, network) for style in styles]
    check_variant(styles, [style.path for style in loaded])
    loss_network = None if options["loss_network"] == "none" else options["loss_network"]
    inputs = [
        *(file for clip in clips for file in files_of(clip)),
        *pictures,
        *(file for style in loaded for file in style.files),
        Path(options["loss_network"]),
        Path(options["loss_network"]).with_name(LPIPS_HEADS),
        *([truth] if truth else []),
    ]
    json_to_stdout = json_file == Path("-")
    files = ReportFiles(None if json_to_stdout else json_file, csv_file, html_file, inputs, overwrite=yes)
    with files, ended_by_signals(), console.Phases("pair" if truth else "frame") as progress:
        report: ClipReport | TruthReport
        if truth:
            report = evaluate_truth(
                truth, loaded, deflicker=options["deflicker"], size=options["size"], progress=progress
            )
        else:
            report = evaluate(
                clips[0], clips[1:], styles=loaded, deflicker=options["deflicker"], style_pictures=pictures,
                method=options["method"], loss_network=loss_network, size=options["size"], frames=options["frames"],
                worst=_WORST if html_file else 0, progress=progress,
            )  # fmt: skip
        click.echo(report.json() if json_to_stdout else report)
        files.write(report)


def _check(
    clips: tuple[Path, ...], styles: tuple[str, ...], truth: Path | None, pictures: tuple[Path, ...], options: Any
) -> None:
    if truth:
        if clips or pictures or options["frames"]:
            raise click.UsageError("--sintel measures the temporal error of --style on a data set, and nothing else")
        if not styles:
            raise click.UsageError("--sintel needs a --style to paint with")
        refuse(["method"], "estimates optical flow, and --sintel has the true one")
        refuse(["loss_network"], "is for clips; --sintel measures the temporal error alone")
        return
    if not clips:
        raise click.UsageError("name the original clip and painted ones, or a --style to paint it with")
    if options["deflicker"] and not styles:
        raise click.UsageError("--deflicker is for a --style; painted clips are for `reconet deflicker`")
    if not styles:
        refuse(["variant", "engine", "device", "precision"], "is about a --style to paint with, and there is none")
    columns = len(clips) - 1 + len(styles)
    if not columns:
        raise click.UsageError(f"what should {clips[0]} be compared with? Name painted clips, or a --style")
    if len(pictures) > 1 and len(pictures) != columns:
        raise click.UsageError(f"{len(pictures)} --style-pictures, {columns} painted clips: give one, or one for each")
    if pictures and options["loss_network"] == "none":
        raise click.UsageError("--style-picture needs a loss network")
