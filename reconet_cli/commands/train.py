"""`reconet train`: a style picture becomes a style."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.parameters import refuse
from reconet_cli.commands.signals import StopOnSignal
from reconet_cli.model.styles import VARIANT_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from reconet_cli.training.settings import LossWeights, TrainingFiles, TrainingSettings


_STEPS = 2000
_ENDLESS = 1_000_000  # more than anybody waits for


@click.command(
    "train",
    help="""Train a style from a picture.

    Nothing else is needed: without --data the network learns from procedural scenes. Ctrl-C saves a checkpoint and
    stops; --resume continues as if nothing had happened. Start it with `torchrun -m reconet_cli train …` to use
    several GPUs or machines.
    """,
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
@click.option("--variant", type=click.Choice(VARIANT_ORDER), default="fast", show_default=True)
@click.option(
    "--preset", type=click.Choice(["subtle", "normal", "strong", "paper"]), default="normal", show_default=True,
    help="How far the painting may go from what it shows; paper: the published losses alone.",
)  # fmt: skip
@click.option(
    "--style-scale", type=click.FloatRange(0.1, 6), default=1.0, show_default=True,
    help="Width of the strokes: 2 is twice as broad.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1, _ENDLESS),
    help="How many at most.  [default: 2000; as many as it takes with --minutes or --until-good]",
)  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Finish within this time, if not earlier.")
@click.option("--until-good", is_flag=True, help="Finish when more steps stop helping.")
@click.option(
    "--init", metavar="NAME|FILE|none",
    help="Weights to begin with; those of another network are learnt from.  [default: base, where it is there]",
)  # fmt: skip
@click.option(
    "--loss-network", metavar="vgg16|compact|FILE", default="auto",
    help="What judges the pictures.  [default: VGG-16 if it is there or, for a GPU, can be downloaded; else compact]",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps or auto.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(0), help="Processes that prepare frames.  [default: by the machine]")
@click.option("--compile", "compiled", is_flag=True, help="Compile the networks first; worth it for long runs.")
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
@click.option("--norm", type=click.Choice(["instance", "frn"]), default="instance", show_default=True)
@click.option(
    "--scenes", type=click.FloatRange(0, 1), default=0.15, show_default=True,
    help="Share of procedural scenes beside --data.",
)  # fmt: skip
@click.option("--content-weight", type=click.FloatRange(0), help="What the frame shows.  [default: by the preset]")
@click.option("--style-weight", type=click.FloatRange(0), help="Strokes and textures.  [default: by the preset]")
@click.option("--tone-weight", type=click.FloatRange(0), help="Light and shade of the frame.  [default: by the preset]")
@click.option("--color-weight", type=click.FloatRange(0), help="Colors of the style.  [default: by the preset]")
@click.option("--variation-weight", type=click.FloatRange(0), help="Smoothness.  [default: by the preset]")
@click.option("--feature-temporal-weight", type=click.FloatRange(0), help="[default: by the preset]")
@click.option("--output-temporal-weight", type=click.FloatRange(0), help="[default: by the preset]")
@click.option(
    "--temporal-share", "temporal", type=click.FloatRange(0, 1), default=0.4, show_default=True,
    help="Last share of the run that learns from pairs of frames, with the temporal losses.",
)  # fmt: skip
def command(picture: Path, resume: bool, overwrite: bool, **options: Any) -> int:
    # OpenMP threads that spin for long make training several times slower as soon as anything else wants a core; that
    # sleep at once cost a third of its speed where nothing does.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    from reconet_cli import console
    from reconet_cli.engine.devices import choose_device
    from reconet_cli.model.loss_files import load_loss_network
    from reconet_cli.training.cluster import connect
    from reconet_cli.training.data import Reading
    from reconet_cli.training.precision import choose_precision
    from reconet_cli.training.run import Run, at_work
    from reconet_cli.training.settings import Machine

    _check_options(options)
    files = _files(picture, options)
    _check(files, resume, overwrite)
    device = choose_device(options["device"], int(os.environ.get("LOCAL_RANK", "0")))
    precision = choose_precision(options["precision"], device, files.checkpoint if resume else None)
    with connect(device) as cluster, StopOnSignal() as stop, at_work(files, cluster):
        settings = _settings(options, cluster.agree(precision))
        if not cluster.is_first:
            console.set_quiet(True)
        loss_network = load_loss_network(files.loss_network, device.type)
        console.note(_plan(settings, files, device.type, loss_network.name))
        machine = Machine(str(device), _workers(options["workers"], device.type), options["compiled"])
        with console.progress("preparing clips", None, "clips") as bar:
            reading = Reading(console.note, _counter(bar), lambda: stop.asked)
            run = Run(settings, files, machine, loss_network, cluster, resume=resume, reading=reading)
        total, unit = (settings.steps, "steps") if settings.steps < _ENDLESS else (100, "%")
        with console.progress("training", total, unit) as bar:

            def show(done: float, values: dict[str, float]) -> None:
                terms = "  ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in values.items())
                bar.update(bar.task_ids[0], completed=done * total, description=terms)

            finished = run.train(show, lambda: stop.asked)
    if not finished:
        console.note(f"stopped; continue with the same command and --resume ({files.checkpoint})")
        return 130
    style = files.output.name if options["output"] is None else files.output
    console.note(f"{files.finished}: paint with `reconet stylize INPUT OUTPUT --style {style}`")
    return 0


def _check_options(options: dict[str, Any]) -> None:
    """Raise UsageError for what would change nothing."""
    if not options["data"]:
        refuse(["scenes"], "is about what is beside --data; without it there is nothing else")
    if options["until_good"]:
        refuse(["temporal"], "does not go with --until-good: all of such a run learns from pairs of frames")
    elif not options["temporal"]:
        refuse(["feature_temporal_weight", "output_temporal_weight"], "is about pairs of frames: --temporal-share is 0")
    weights = [value for name, value in options.items() if name.endswith("_weight")]
    if None not in weights and options["preset"] != "paper":
        refuse(["preset"], "chooses the losses' weights, and all of them are given")


def _files(picture: Path, options: dict[str, Any]) -> TrainingFiles:
    from reconet_cli.errors import StyleError
    from reconet_cli.folders import styles_folder
    from reconet_cli.model.styles import BASE, find_style
    from reconet_cli.training.settings import TrainingFiles

    start: Path | None = None
    if options["init"] is None and options["norm"] == "instance":
        try:
            start = find_style(BASE, options["variant"])
        except StyleError:
            start = None
    elif options["init"] not in (None, "none"):
        start = _start(options["init"], options["variant"])
    output = options["output"] or styles_folder() / picture.stem
    if output.absolute() == styles_folder().absolute() / BASE:
        raise click.UsageError(f"{BASE!r} is the name of the weights that training begins with; choose another with -o")
    return TrainingFiles(picture, options["data"], options["loss_network"], start, output, options["variant"])


def _start(name: str, variant: str) -> Path:
    """A style's weights of this variant, else of another one, which can be learnt from."""
    from reconet_cli.errors import StyleError
    from reconet_cli.model.styles import find_style

    try:
        return find_style(name, variant)
    except StyleError:
        return find_style(name)


def _check(files: TrainingFiles, resume: bool, overwrite: bool) -> None:
    from reconet_cli.errors import TrainingError
    from reconet_cli.files import keep_apart

    keep_apart(files.written, files.read, TrainingError)
    if resume and not files.checkpoint.exists():
        raise click.UsageError(f"nothing to resume in {files.work}")
    if not resume and not overwrite and files.finished.exists():
        raise click.UsageError(f"{files.finished} exists; -y replaces it, -o chooses another folder")


def _settings(options: dict[str, Any], precision: str) -> TrainingSettings:
    from reconet_cli.training.settings import TrainingSettings

    kept = (
        "variant", "norm", "style_scale", "size", "batch", "steps", "minutes", "until_good", "learning_rate", "seed",
        "temporal",
    )  # fmt: skip
    scenes = options["scenes"] if options["data"] else 1.0
    if options["steps"] is None:
        options = options | {"steps": _ENDLESS if options["minutes"] or options["until_good"] else _STEPS}
    return TrainingSettings(
        **{name: options[name] for name in kept},
        precision=precision,
        scenes=scenes,
        paper_layers=options["preset"] == "paper",
        weights=_weights(options),
    )


def _weights(options: dict[str, Any]) -> LossWeights:
    """The preset's weights with those that the user gave."""
    from dataclasses import fields, replace

    from reconet_cli.training.settings import PRESETS

    preset = PRESETS[options["preset"]]
    given = {field.name: options[f"{field.name}_weight"] for field in fields(preset)}
    return replace(preset, **{name: weight for name, weight in given.items() if weight is not None})


def _workers(asked: int | None, device: str) -> int:
    """On a CPU one worker for two cores: a training step leaves gaps on each. A GPU must not wait."""
    from reconet_cli.processors import processors

    if asked is not None:
        return asked
    return min(8, max(1, processors() - 1)) if device == "cuda" else min(2, processors() // 2)


def _plan(settings: TrainingSettings, files: TrainingFiles, device: str, loss_network: str) -> str:
    ends = ["until more steps stop helping"] if settings.until_good else []
    ends += [f"at most {settings.minutes:g} minutes"] if settings.minutes else []
    ends += [f"{settings.steps} steps"] if settings.steps < _ENDLESS else []
    start = f"from {files.start.parent.name}" if files.start else "from nothing"
    if files.start and files.start.stem != settings.variant:
        start += f"/{files.start.stem}"
    how = f"on {device} in {settings.precision}, {', '.join(ends)}, judged by {loss_network}"
    return f"training {settings.variant} {start} {how}"


def _counter(bar: Progress) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        bar.update(bar.task_ids[0], completed=done, total=total)

    return show
