"""From a picture to a style: the library's `train_style`, which the command calls as well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import Literal

from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.engines.torch.devices import choose_device
from reconet_cli.errors import StyleError, TrainingError
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.styles.finding import BASE, find_style
from reconet_cli.system.files import keep_apart
from reconet_cli.system.folders import styles_folder
from reconet_cli.system.processors import processors
from reconet_cli.system.silence import silent
from reconet_cli.training.cluster import connect, local_rank
from reconet_cli.training.data.mixture import Reading
from reconet_cli.training.precision import choose_precision
from reconet_cli.training.run import OnStep, Run, at_work
from reconet_cli.training.settings import ENDLESS, PRESETS, LossWeights, Machine, TrainingFiles, TrainingSettings

log = logging.getLogger("reconet")

STEPS = 2000
Place = str | PathLike[str]


class TrainingStopped(TrainingError):  # noqa: N818 - nothing is wrong
    """Training was asked to stop; its checkpoint is kept."""


def train_style(
    picture: Place,
    output: Place | None = None,
    *,
    data: Sequence[Place] = (),
    steps: int | None = None,
    minutes: float | None = None,
    until_good: bool = False,
    preset: Literal["subtle", "normal", "strong", "paper"] = "normal",
    weights: Mapping[str, float] | None = None,
    style_scale: float = 1.0,
    variant: str = "fast",
    init: str | None = None,
    loss_network: str = "auto",
    size: int = 256,
    batch: int = 1,
    learning_rate: float = 2e-3,
    norm: Literal["instance", "frn"] = "instance",
    scenes: float = 0.15,
    temporal_share: float = 0.4,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    workers: int | None = None,
    compile: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    on_step: OnStep | None = None,
    on_clip: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> LoadedStyle:
    """Train a style from a picture, on `data` (photographs, clips, folders, flow data sets) or without any.

    The style is written to the folder `output`; by default it goes to the user's styles, under the picture's name.
    Training ends after `steps` (2000 if nothing else is set), after `minutes`, or with `until_good` when more steps
    stop helping. `preset` and `weights` (by the fields of `LossWeights`) set how far a painting may depart from its
    source; `style_scale` sets the width of the strokes. `init` is the style to start from, or "none" for random
    weights; the default is the start that is shipped. `loss_network` is "vgg16", "compact" or a file.

    `size` is the side of training frames in pixels and `batch` the number of frames per step. `scenes` is the share of
    procedural scenes mixed into `data`. `temporal_share` is the last share of the run, which trains on pairs of frames.
    `workers` is the number of processes that prepare frames. `resume` continues from the checkpoint in the folder.

    `on_step(done, losses)` gets the share of the run that is done, in [0, 1], and the losses of the step by name;
    `on_clip(done, total)` counts the clips that have been read. If `should_stop()` returns true, the run saves a
    checkpoint and raises `TrainingStopped`. Raises `TrainingError`, `StyleError` and other `ReconetError`s. Under
    `torchrun`, several processes share the work.

    >>> import reconet_cli as reconet
    >>> style = reconet.train_style("picture.png", "trained", steps=1, size=64, loss_network="compact", seed=1)
    >>> style.name
    'trained'
    """
    files = _files(Path(picture), [Path(path) for path in data], loss_network, init, norm, output, variant)
    settings = TrainingSettings(
        variant=variant, norm=norm, style_scale=style_scale, size=size, batch=batch,
        steps=steps or (ENDLESS if minutes or until_good else STEPS), minutes=minutes, until_good=until_good,
        learning_rate=learning_rate, seed=seed, precision=precision, scenes=scenes if data else 1.0,
        temporal=temporal_share, paper_layers=preset == "paper", weights=_weights(preset, weights or {}),
    )  # fmt: skip
    reading = Reading(log.info, on_clip or silent, should_stop or _never)
    machine = Machine(device, workers, compile)
    if not _train(settings, files, machine, reading, on_step or silent, resume=resume, overwrite=overwrite):
        raise TrainingStopped("stopped", f"continue with the same command and --resume ({files.checkpoint})")
    return LoadedStyle(files.finished)


def _train(
    settings: TrainingSettings,
    files: TrainingFiles,
    machine: Machine,
    reading: Reading,
    on_step: OnStep,
    *,
    resume: bool,
    overwrite: bool,
) -> bool:
    """Whether the run came to its end."""
    device = choose_device(machine.device, local_rank())
    with connect(device) as cluster:
        # The style's folder and the loss network need to be on the first process's machine alone.
        cluster.from_first(lambda: _check(files, resume, overwrite))
        kept = files.checkpoint if resume else None
        precision = cluster.from_first(lambda: choose_precision(settings.precision, device, kept))
        settings = replace(settings, precision=precision)
        workers = _workers(device.type, cluster.local_size) if machine.workers is None else machine.workers
        machine = replace(machine, device=str(device), workers=workers)
        if not cluster.is_first:
            reading = replace(reading, note=log.debug)
        with at_work(files, cluster):
            loss_network = cluster.from_first(lambda: load_loss_network(files.loss_network, device.type))
            reading.note(_plan(settings, files, device.type, loss_network.name))
            run = Run(settings, files, machine, loss_network, cluster, resume=resume, reading=reading)
            return run.train(on_step, reading.should_stop)


def _never() -> bool:
    return False


def _files(
    picture: Path,
    data: Sequence[Path],
    loss_network: str,
    init: str | None,
    norm: str,
    output: Place | None,
    variant: str,
) -> TrainingFiles:
    start: Path | None = None
    if init is None and norm == "instance":
        try:
            start = find_style(BASE, variant)
        except StyleError:
            start = None
    elif init not in (None, "none"):
        start = _start(init, variant)
    folder = Path(output) if output is not None else styles_folder() / picture.stem
    return TrainingFiles(picture, tuple(data), loss_network, start, folder, variant)


def _start(name: str, variant: str) -> Path:
    """A style's weights of this variant, else of another one, which can be learned from."""
    try:
        return find_style(name, variant)
    except StyleError:
        return find_style(name)


def _check(files: TrainingFiles, resume: bool, overwrite: bool) -> None:
    if files.output.absolute() == styles_folder().absolute() / BASE:
        raise TrainingError(f"{BASE!r} is the name of the weights that training begins with", "choose another with -o")
    keep_apart(files.written, files.read, TrainingError)
    if resume and not files.checkpoint.exists():
        raise TrainingError(f"nothing to resume in {files.work}", "begin without --resume")
    if not resume and not overwrite and files.finished.exists():
        raise TrainingError(f"{files.finished} exists", "-y replaces it, -o chooses another folder")


def _weights(preset: str, given: Mapping[str, float]) -> LossWeights:
    """The preset's weights with those that were given."""
    known = {field.name for field in fields(LossWeights)}
    if wrong := [name for name in given if name not in known]:
        raise TrainingError(f"there is no loss {wrong[0]!r}", f"losses: {', '.join(sorted(known))}")
    return replace(PRESETS[preset], **given)


def _workers(device: str, sharing: int) -> int:
    """On a CPU one worker for two cores: a training step leaves gaps on each. A GPU must not wait.

    So many training processes are `sharing` this machine.
    """
    cores = processors() // sharing
    return min(8, max(1, cores - 1)) if device == "cuda" else min(2, cores // 2)


def _plan(settings: TrainingSettings, files: TrainingFiles, device: str, loss_network: str) -> str:
    ends = ["until more steps stop helping"] if settings.until_good else []
    ends += [f"at most {settings.minutes:g} minutes"] if settings.minutes else []
    ends += [f"{settings.steps} steps"] if settings.steps < ENDLESS else []
    start = f"from {files.start.parent.name}" if files.start else "from random weights"
    if files.start and files.start.stem != settings.variant:
        start += f"/{files.start.stem}"
    how = f"on {device} in {settings.precision}, {', '.join(ends)}, loss network {loss_network}"
    return f"training {settings.variant} {start} {how}"
