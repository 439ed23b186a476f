"""A whole training run: data and style in, a style's folder out; can be stopped and resumed at any step."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import torch

from reconet_cli import __version__
from reconet_cli.errors import TrainingError
from reconet_cli.model.loss_networks import load_loss_network
from reconet_cli.model.weights import read_metadata, save_weights
from reconet_cli.training.clips import Clips
from reconet_cli.training.pairs import FramePairs
from reconet_cli.training.preview import preview_frames, write_sheet
from reconet_cli.training.settings import TrainingFiles, TrainingSettings
from reconet_cli.training.sources import (
    CLIPS,
    PICTURES,
    PairSource,
    Photographs,
    find_files,
    read_photographs,
    read_picture,
    to_tensor,
)
from reconet_cli.training.trainer import Trainer, sample_batch

# Pictures kept out of training; previews and the card's losses come from them.
_HELD_OUT = 8
_CLIP_SHARE = 0.4
_CHECKPOINT_EVERY = 100
_PREVIEW_EVERY = 250

OnStep = Callable[[int, dict[str, float]], None]


class TrainingData:
    """The sources of a run and the pictures held out of it; `note` is told what is read and what cannot be."""

    def __init__(self, paths: list[Path], size: int, note: Callable[[str], None]) -> None:
        pictures, clips = find_files(paths, PICTURES), find_files(paths, CLIPS)
        if not pictures and not clips:
            raise TrainingError("no pictures or clips in the training data", "pass a folder of them with --data")
        note(f"reading {len(pictures)} pictures and {len(clips)} clips")
        # Spread over the list, because names often sort by subject.
        stride = max(2, len(pictures) // _HELD_OUT)
        held = pictures[::stride][:_HELD_OUT] if len(pictures) > 1 else []
        self.sources: list[tuple[float, PairSource]] = []
        self.held_out = read_photographs(held, size)
        photographs = Photographs(read_photographs([file for file in pictures if file not in set(held)], size))
        moving = Clips(clips, size)
        for problem in moving.skipped:
            note(f"left out {problem}")
        if len(moving):
            self.sources.append((_CLIP_SHARE if len(photographs) else 1.0, moving))
            self.held_out = self.held_out or moving.examples()
        if len(photographs):
            self.sources.append((1 - _CLIP_SHARE if len(moving) else 1.0, photographs))
            self.held_out = self.held_out or photographs.pictures[:1]
        if not self.sources:
            raise TrainingError(
                "no usable picture or clip in the training data", "they need 32 px a side and two frames"
            )


def style_picture(path: Path, short_side: int) -> torch.Tensor:
    """The style picture `(1, 3, H, W)` in [0, 1] at the size its strokes are learnt at."""
    return to_tensor(read_picture(path, short_side))[None]


def run_training(
    settings: TrainingSettings,
    files: TrainingFiles,
    device: torch.device,
    *,
    resume: bool,
    note: Callable[[str], None],
    on_step: OnStep,
    should_stop: Callable[[], bool],
) -> bool:
    """Train until `settings.steps` or until `should_stop`; a checkpoint is left behind either way.

    `note` is called with each sentence for the user, `on_step` with the step and its losses. Returns whether the style
    is finished, in which case its weights, card and preview are in `files.output`.
    """
    style = style_picture(files.style, settings.style_size)
    trainer = Trainer(settings, load_loss_network(files.loss_weights), style, device)
    if resume:
        trainer.load(files.checkpoint)
    elif files.start:
        trainer.begin_with(files.start)
    data = TrainingData(list(files.data), settings.size, note)
    files.work.mkdir(parents=True, exist_ok=True)
    frames = preview_frames(data.held_out)
    with _loss_curve(files.work / "losses.jsonl", trainer.step) as curve:
        while trainer.step < settings.steps and not should_stop():
            values = trainer.train_step(sample_batch(data.sources, settings, trainer.step))
            curve.write(json.dumps({"step": trainer.step} | {name: round(v, 6) for name, v in values.items()}) + "\n")
            on_step(trainer.step, values)
            if trainer.step % _CHECKPOINT_EVERY == 0:
                trainer.save(files.checkpoint)
            if trainer.step % _PREVIEW_EVERY == 0:
                write_sheet(files.work / f"preview-{trainer.step:06d}.jpg", [frames, trainer.paint(frames)])
    trainer.save(files.checkpoint)
    if trainer.step < settings.steps:
        return False
    _finish(trainer, files, data)
    return True


def _loss_curve(path: Path, step: int) -> TextIO:
    """The file of losses, opened behind the line of `step`; what a killed run wrote after that comes again."""
    kept = path.read_text(encoding="utf-8").splitlines(keepends=True)[:step] if path.exists() else []
    curve = path.open("w", buffering=1, encoding="utf-8")
    curve.writelines(kept)
    return curve


@torch.no_grad()
def held_out_losses(trainer: Trainer, data: TrainingData) -> dict[str, float]:
    """Mean unweighted losses on the held-out pictures in motion, with a fixed seed."""
    source = Photographs(data.held_out)
    trainer.network.eval()
    totals: dict[str, float] = {}
    for index in range(_HELD_OUT):
        pairs: FramePairs = source.sample(trainer.settings.size, torch.Generator().manual_seed(index))
        for name, term in trainer.losses(pairs.to(trainer.device)).items():
            totals[name] = totals.get(name, 0.0) + term.item() / _HELD_OUT
    return {name: round(value, 6) for name, value in totals.items()}


def _origin(start: Path | None) -> dict[str, Any] | None:
    """The recipe of the weights that a run began with, so that a card tells the whole story."""
    return read_metadata(start)["recipe"] if start else None


def _finish(trainer: Trainer, files: TrainingFiles, data: TrainingData) -> None:
    recipe: dict[str, Any] = {
        "style": files.style.name,
        "start": _origin(files.start),
        "loss_network": trainer.loss_network.name,
        "settings": trainer.settings.to_dict(),
        "held_out_losses": held_out_losses(trainer, data),
        "reconet": __version__,
        "torch": torch.__version__.split("+")[0],
        "date": date.today().isoformat(),
    }
    save_weights(files.finished, trainer.network, recipe)
    card = json.dumps({"name": files.output.name, "variant": files.variant, **recipe}, indent=2) + "\n"
    (files.output / f"{files.variant}.json").write_text(card, encoding="utf-8")
    frames = preview_frames(data.held_out)
    write_sheet(files.output / f"{files.variant}-preview.jpg", [frames, trainer.paint(frames)])
