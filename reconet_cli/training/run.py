"""A whole training run: a style picture in, a style's folder out; can be stopped and resumed at any step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import torch

from reconet_cli.engines.torch.cuda_graph import full_float32
from reconet_cli.errors import TrainingError
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.weights import save_weights
from reconet_cli.styles.cards import PREVIEW
from reconet_cli.system.files import locked, replacing
from reconet_cli.training.card import held_out_losses, recipe, write_card
from reconet_cli.training.checkpoint import read_checkpoint
from reconet_cli.training.cluster import Cluster
from reconet_cli.training.data.mixture import Reading, TrainingData, batches
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.data.sources import style_picture
from reconet_cli.training.inputs import fingerprints
from reconet_cli.training.journal import Journal
from reconet_cli.training.preview import preview_frames, write_sheet
from reconet_cli.training.settings import Machine, TrainingFiles, TrainingSettings
from reconet_cli.training.trainer import Trainer

# Steps between two measurements on held-out pairs, each followed by a checkpoint, and between two previews.
MEASURE_EVERY = 100
_PREVIEW_EVERY = 200

# Called with the share of the run that is done and the step's losses.
OnStep = Callable[[float, dict[str, float]], None]


@contextmanager
def at_work(files: TrainingFiles, cluster: Cluster, patience: float = 10) -> Iterator[None]:
    """Keep a style's working files from other runs. Raises `TrainingError` where one is at work on them already.

    What a killed run has started may hold them for some more seconds: `patience`.
    """
    if not cluster.is_first:
        yield
        return
    try:
        files.work.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise TrainingError(f"cannot write {files.work}: {problem.strerror or problem}") from problem
    with locked(files.work, patience) as ours:
        if not ours:
            raise TrainingError(f"another run is at work in {files.work}", "wait for it, or choose another folder: -o")
        yield


class Run:
    """A run that is set up: networks and data are there, a checkpoint is loaded where it resumes."""

    def __init__(
        self,
        settings: TrainingSettings,
        files: TrainingFiles,
        machine: Machine,
        loss_network: LossNetwork,
        cluster: Cluster,
        *,
        resume: bool,
        reading: Reading,
    ) -> None:
        self._settings = settings
        self._files = files
        self._machine = machine
        self._cluster = cluster
        style = style_picture(files.picture, settings.style_scale)
        device = torch.device(machine.device)
        inputs = fingerprints(files, loss_network)
        _compare(inputs, cluster)
        self._trainer = Trainer(settings, loss_network, style, device, cluster, files.start, inputs)
        if resume:
            state = cluster.from_first(lambda: read_checkpoint(files.checkpoint))
            self._trainer.load(state, files.checkpoint)
        if machine.compile:
            self._trainer.compile()
        with cluster.one_ahead():
            self._data = TrainingData(list(files.data), settings, reading)

    def train(self, on_step: OnStep, should_stop: Callable[[], bool]) -> bool:
        """Train until the schedule's end or until `should_stop`; a checkpoint is left behind either way.

        Returns whether the style is finished, in which case its weights, card and preview are in the style's folder.
        Several processes share the work; the first one alone writes files.
        """
        trainer = self._trainer
        frames = preview_frames(self._data.pictures)
        journal = Journal(self._files.work, trainer.step, frames) if self._cluster.is_first else None
        pairs = batches(self._data.sources, self._settings, trainer.step, self._machine.workers or 0, self._cluster)
        with self._kept(), self._arithmetic():
            self._steps(pairs, journal, frames, on_step, should_stop)
        if journal:
            journal.close()
            trainer.save(self._files.checkpoint)
        if not trainer.schedule.finished(trainer.step, trainer.seconds):
            return False
        if self._cluster.is_first:
            self._finish(frames)
        self._spread()
        return True

    def _steps(
        self,
        pairs: Iterator[FramePairs],
        journal: Journal | None,
        frames: torch.Tensor,
        on_step: OnStep,
        should_stop: Callable[[], bool],
    ) -> None:
        trainer = self._trainer
        before, start = trainer.seconds, time.monotonic()
        stopped = False
        while not stopped and not trainer.schedule.finished(trainer.step, trainer.seconds):
            values = trainer.train_step(next(pairs))
            trainer.seconds, stopped = self._agree(before + time.monotonic() - start, should_stop())
            if journal:
                journal.losses(trainer.step, values)
            if trainer.step % MEASURE_EVERY == 0:
                self._measure(journal)
            if journal and trainer.step % _PREVIEW_EVERY == 0:
                journal.preview(trainer.step, trainer.paint(frames))
            on_step(trainer.schedule.done(trainer.step, trainer.seconds), values)

    def _arithmetic(self) -> AbstractContextManager[None]:
        """On CUDA devices, fp32 is TF32 unless that is switched off."""
        exact = self._settings.precision == "fp32" and torch.device(self._machine.device).type == "cuda"
        return full_float32() if exact else nullcontext()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Leave a checkpoint of what was learned whatever ends the run in here; at most one step in it is torn."""
        try:
            yield
        except BaseException:
            if self._cluster.is_first:
                with suppress(Exception):  # a device that has failed gives nothing back
                    self._trainer.save(self._files.checkpoint)
            raise

    def _agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """The same clock, and the same decision to stop, in all processes."""
        joint = self._cluster.mean(torch.tensor([seconds, float(stop)], dtype=torch.float64)).tolist()
        return joint[0], joint[1] > 0

    def _measure(self, journal: Journal | None) -> None:
        trainer = self._trainer
        values = self._cluster.from_first(lambda: held_out_losses(trainer, self._data.held_out))
        trainer.schedule.observe(trainer.step, values["perceptual"])
        if journal:
            journal.held_out(trainer.step, values | {"seconds": round(trainer.seconds, 1)})
            trainer.save(self._files.checkpoint)

    def _finish(self, frames: torch.Tensor) -> None:
        files, trainer = self._files, self._trainer
        made = recipe(trainer, files, self._data.held_out)
        save_weights(files.finished, trainer.average, made)
        write_card(files.output, files.variant, made)
        write_sheet(files.output / PREVIEW, [frames, trainer.paint(frames)])

    def _spread(self) -> None:
        """Give the finished weights to machines that don't share the style's folder too."""
        path = self._files.finished
        weights = self._cluster.from_first(path.read_bytes)
        with self._cluster.one_ahead():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path, TrainingError) as part:
                    part.write_bytes(weights)


def _compare(inputs: dict[str, str], cluster: Cluster) -> None:
    wanted = cluster.from_first(lambda: inputs)
    if other := [name for name, value in inputs.items() if wanted.get(name) != value]:
        raise TrainingError(
            f"process {cluster.rank} has another {other[0]} than process 0", "give all machines the same files"
        )
