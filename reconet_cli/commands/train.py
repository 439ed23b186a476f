"""`reconet train`: a style picture becomes a style."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from reconet_cli.commands.option_groups import GroupedCommand
from reconet_cli.commands.parameters import refuse
from reconet_cli.commands.signals import StopOnSignal
from reconet_cli.commands.suggestions import suggest_files, suggest_styles
from reconet_cli.styles.finding import VARIANT_ORDER
from reconet_cli.system.processors import let_threads_sleep
from reconet_cli.training.settings import ENDLESS, LossWeights

_WEIGHTS = {loss.name: f"--{loss.name.replace('_', '-')}-weight" for loss in fields(LossWeights)}


def _weight_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each loss's weight."""
    for loss in reversed(fields(LossWeights)):
        kept = f"{loss.metadata['help']}  [default: by the preset]"
        command = click.option(_WEIGHTS[loss.name], type=click.FloatRange(0), help=kept)(command)
    return command


@click.command(
    "train",
    cls=GroupedCommand,
    help="""Train a style from a picture.

    Nothing else is needed: without --data the network learns from procedural scenes. Ctrl-C saves a checkpoint and
    stops; --resume continues as if nothing had happened. Start it with `torchrun -m reconet_cli train …` to use
    several GPUs or machines.
    """,
    groups={
        "Common options": "--style --preset --style-scale --minutes --until-good --steps --data --resume --output "
        "--overwrite",
        "The network": "--variant --init --norm",
        "Losses": f"--loss-network --temporal-share {' '.join(_WEIGHTS.values())}",
        "Steps": "--size --batch --learning-rate --scenes --seed",
        "The machine": "--device --precision --workers --compile",
    },
)
@click.option(
    "--style", "picture", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Picture to learn from.",
)  # fmt: skip
@click.option(
    "--data", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Photographs and clips, folders of them, or an optical-flow data set; repeatable.  [default: none are needed]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path),
    help="The new style's folder.  [default: your own styles' folder, under the picture's name]",
)  # fmt: skip
@click.option("-y", "--overwrite", is_flag=True, help="Replace a finished style of that name.")
@click.option("--resume", is_flag=True, help="Continue from the style folder's checkpoint.")
@click.option(
    "--variant", type=click.Choice(VARIANT_ORDER), default="fast", show_default=True, help="Which network to train."
)
@click.option(
    "--preset", type=click.Choice(["subtle", "normal", "strong", "paper"]), default="normal", show_default=True,
    help="How far the painting may go from what it shows; paper: the published losses alone.",
)  # fmt: skip
@click.option(
    "--style-scale", type=click.FloatRange(0.1, 6), default=1.0, show_default=True,
    help="Width of the strokes: 2 is twice as broad.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1, ENDLESS),
    help="How many at most.  [default: 2000; as many as it takes with --minutes or --until-good]",
)  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Finish within this time, if not earlier.")
@click.option("--until-good", is_flag=True, help="Finish when more steps stop helping.")
@click.option(
    "--init", metavar="NAME|FILE|none", shell_complete=suggest_styles,
    help="Weights to begin with; those of another network are learned from.  [default: base, where it is there]",
)  # fmt: skip
@click.option(
    "--loss-network", metavar="vgg16|compact|FILE", default="auto", shell_complete=suggest_files,
    help="Network for the losses.  [default: VGG-16 if it is there or, for a GPU, can be downloaded; else compact]",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps or auto.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(0), help="Processes that prepare frames.  [default: by the machine]")
@click.option("--compile", is_flag=True, help="Compile the networks first; worth it for long runs.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--size", type=click.IntRange(64, 1024), default=256, show_default=True, help="Side of training frames.")
@click.option(
    "--batch",
    type=click.IntRange(1, 4096),
    default=1,
    show_default=True,
    help="Frame pairs a step, in all processes.",
)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=2e-3, show_default=True)
@click.option(
    "--norm", type=click.Choice(["instance", "frn"]), default="instance", show_default=True,
    help="Instance normalization, or filter response normalization.",
)  # fmt: skip
@click.option(
    "--scenes", type=click.FloatRange(0, 1), default=0.15, show_default=True,
    help="Share of procedural scenes beside --data.",
)  # fmt: skip
@_weight_options
@click.option(
    "--temporal-share", type=click.FloatRange(0, 1), default=0.4, show_default=True,
    help="Last share of the run that learns from pairs of frames, with the temporal losses.",
)  # fmt: skip
def command(picture: Path, output: Path | None, **options: Any) -> int:
    let_threads_sleep()
    from reconet_cli import console
    from reconet_cli.training.train import STEPS, TrainingStopped, train_style

    _check_options(options)
    if int(os.environ.get("RANK", "0")):  # one of several processes is enough to read
        console.set_quiet(True)
    given = {name: options.pop(f"{name}_weight") for name in _WEIGHTS}
    weights = {name: weight for name, weight in given.items() if weight is not None}
    by_share = options["steps"] is None and (options["minutes"] or options["until_good"])
    total, unit = (100, "%") if by_share else (options["steps"] or STEPS, "step")
    with StopOnSignal() as stop, console.Phases("clip") as clips, console.Phases(unit) as training:

        def show(done: float, losses: dict[str, float]) -> None:
            clips.close()
            terms = "  ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in losses.items())
            training("training", done * total, total, terms)

        try:
            style = train_style(
                picture, output, **options, weights=weights, on_step=show,
                on_clip=lambda done, total: clips("preparing clips", done, total), should_stop=lambda: stop.asked,
            )  # fmt: skip
        except TrainingStopped as stopped:
            console.note(f"{stopped.message}; {stopped.hint}")
            return 130
    name = style.name if output is None else output
    console.note(f"{style.path}: paint with `reconet stylize INPUT OUTPUT --style {name}`")
    return 0


def _check_options(options: dict[str, Any]) -> None:
    """Raise UsageError for what would change nothing."""
    if not options["data"]:
        refuse(["scenes"], "is about what is beside --data; without it there is nothing else")
    if options["until_good"]:
        refuse(["temporal_share"], "does not go with --until-good: all of such a run learns from pairs of frames")
    elif not options["temporal_share"]:
        refuse(["feature_temporal_weight", "output_temporal_weight"], "is about pairs of frames: --temporal-share is 0")
    weights = [value for name, value in options.items() if name.endswith("_weight")]
    if None not in weights and options["preset"] != "paper":
        refuse(["preset"], "chooses the losses' weights, and all of them are given")
