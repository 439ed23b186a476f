"""`reconet train`: a style picture and some photographs or clips become a style."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.model.styles import VARIANT_ORDER

if TYPE_CHECKING:
    from reconet_cli.training.settings import TrainingSettings


@click.command("train")
@click.option(
    "--style",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Picture to learn from.",
)
@click.option(
    "--data",
    required=True,
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Photographs and clips, or folders of them; repeatable.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="The new style's folder."
)
@click.option("--variant", type=click.Choice(VARIANT_ORDER), default="fast", show_default=True)
@click.option("--norm", type=click.Choice(["instance", "frn"]), default="instance", show_default=True)
@click.option(
    "--style-size",
    type=click.IntRange(64, 4096),
    default=640,
    show_default=True,
    help="Shorter side of the style picture in pixels; larger gives broader strokes.",
)
@click.option("--steps", type=click.IntRange(1), default=3000, show_default=True)
@click.option("--size", type=click.IntRange(64, 1024), default=256, show_default=True, help="Side of training frames.")
@click.option("--batch", type=click.IntRange(1, 256), default=1, show_default=True, help="Frame pairs a step.")
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=2e-3, show_default=True)
@click.option("--content-weight", type=click.FloatRange(0), default=0.8, show_default=True)
@click.option("--style-weight", type=click.FloatRange(0), default=10.0, show_default=True)
@click.option("--variation-weight", type=click.FloatRange(0), default=1.0, show_default=True)
@click.option("--feature-temporal-weight", type=click.FloatRange(0), default=1.0, show_default=True)
@click.option("--output-temporal-weight", type=click.FloatRange(0), default=50.0, show_default=True)
@click.option(
    "--loss-weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Loss network: torchvision's VGG-16 (.pth) or a distilled VGG-19 (.npz).  [default: download VGG-16 once]",
)
@click.option("--init", metavar="NAME|FILE", help="Begin with this style's weights instead of random ones.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", show_default=True)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps or auto.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Continue from the style folder's checkpoint.")
def command(style: Path, data: tuple[Path, ...], output: Path, resume: bool, **options: Any) -> int:
    """Train a style from a picture.

    Ctrl-C saves a checkpoint and stops; --resume continues as if nothing had happened.
    """
    # Spinning OpenMP threads make training several times slower as soon as anything else wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from reconet_cli import console
    from reconet_cli.engine.devices import choose_device
    from reconet_cli.model.styles import find_style
    from reconet_cli.training.precision import choose_precision
    from reconet_cli.training.run import run_training
    from reconet_cli.training.settings import TrainingFiles

    start = find_style(options["init"], options["variant"]) if options["init"] else None
    files = TrainingFiles(style, data, options["loss_weights"], start, output, options["variant"])
    if resume and not files.checkpoint.exists():
        raise click.UsageError(f"nothing to resume in {files.work}")
    device = choose_device(options["device"])
    precision = choose_precision(options["precision"], device, files.checkpoint if resume else None)
    settings = _settings(options, precision)
    console.note(f"training {settings.variant} on {device.type} in {precision}, {settings.steps} steps")
    stop = _StopOnSignal()
    with stop, console.progress("training", settings.steps, "steps") as bar:

        def show(step: int, values: dict[str, float]) -> None:
            terms = "  ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in values.items())
            bar.update(bar.task_ids[0], completed=step, description=terms)

        finished = run_training(
            settings, files, device, resume=resume, note=console.note, on_step=show, should_stop=lambda: stop.asked
        )
    if not finished:
        console.note(f"stopped; continue with the same command and --resume ({files.checkpoint})")
        return 130
    console.note(f"{files.finished}: paint with `reconet stylize INPUT OUTPUT --style {output}`")
    return 0


def _settings(options: dict[str, Any], precision: str) -> TrainingSettings:
    from reconet_cli.training.settings import LossWeights, TrainingSettings

    weights = LossWeights(
        content=options["content_weight"],
        style=options["style_weight"],
        variation=options["variation_weight"],
        feature_temporal=options["feature_temporal_weight"],
        output_temporal=options["output_temporal_weight"],
    )
    kept = ("variant", "norm", "style_size", "size", "batch", "steps", "learning_rate", "seed")
    return TrainingSettings(**{name: options[name] for name in kept}, precision=precision, weights=weights)


class _StopOnSignal:
    """Lets the step in hand finish after Ctrl-C or SIGTERM; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> _StopOnSignal:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: object) -> None:
        self.asked = True
        signal.signal(number, self._previous[number])
