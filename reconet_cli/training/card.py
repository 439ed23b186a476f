"""A style's card: how each of its variants was made and how well it came out."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import torch

from reconet_cli import __version__
from reconet_cli.errors import TrainingError
from reconet_cli.model.losses import temporal_gap
from reconet_cli.model.weights import read_metadata
from reconet_cli.styles.cards import CARD, card_text
from reconet_cli.system.files import locked, replacing
from reconet_cli.system.json_text import json_value
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.settings import TrainingFiles
from reconet_cli.training.trainer import Trainer

_PATIENCE = 10  # seconds


def held_out_losses(trainer: Trainer, pairs: list[FramePairs]) -> dict[str, float]:
    """Mean unweighted losses on held-out pairs, `perceptual` their weighted content and style, at most six digits."""
    totals: dict[str, float] = {}
    for pair in pairs:
        for name, value in trainer.losses(pair).items():
            totals[name] = totals.get(name, 0.0) + value / len(pairs)
    totals["perceptual"] = trainer.perceptual(totals)
    return {name: round(value, 6) for name, value in totals.items()}


def temporal_error(trainer: Trainer, pairs: list[FramePairs]) -> dict[str, float]:
    """The paper's temporal error of the painted held-out pairs and, as the floor, of the pairs themselves."""
    painted, source = 0.0, 0.0
    for pair in pairs:
        frames = torch.cat([pair.previous, pair.current])
        previous, current = trainer.paint(frames).chunk(2)
        painted += temporal_gap(current, previous, pair.flow, pair.mask).item() / len(pairs)
        source += temporal_gap(pair.current, pair.previous, pair.flow, pair.mask).item() / len(pairs)
    return {"painted": round(math.sqrt(painted), 5), "source": round(math.sqrt(source), 5)}


def recipe(trainer: Trainer, files: TrainingFiles, pairs: list[FramePairs]) -> dict[str, Any]:
    """Everything that made a network, and what it measures on `pairs`; it goes into the weights file and the card."""
    return {
        "picture": files.picture.name,
        "picture_digest": trainer.inputs.get("picture"),
        # A card tells the whole story, that of the weights it began with too.
        "start": read_metadata(files.start)["recipe"] if files.start else None,
        "loss_network": trainer.loss_network.name,
        "settings": trainer.settings.to_dict(),
        "steps": trainer.step,
        "seconds": round(trainer.seconds),
        **(_measured(trainer, pairs) if pairs else {}),
        "reconet": __version__,
        "torch": torch.__version__.split("+")[0],
        "date": date.today().isoformat(),
    }


def _measured(trainer: Trainer, pairs: list[FramePairs]) -> dict[str, Any]:
    return {"held_out_losses": held_out_losses(trainer, pairs), "temporal_error": temporal_error(trainer, pairs)}


def write_card(folder: Path, variant: str, entry: dict[str, Any]) -> None:
    """Put a variant's entry into the folder's card, beside those of other variants."""
    path = folder / CARD
    with locked(folder, _PATIENCE):  # a run of another variant may end at the same time
        _write_card(path, variant, entry)


def _write_card(path: Path, variant: str, entry: dict[str, Any]) -> None:
    try:
        card = json_value(path.read_bytes())
        variants = dict(card["variants"])
    except (OSError, ValueError, KeyError, TypeError):
        card, variants = {"name": path.parent.resolve().name}, {}
    card["variants"] = variants | {variant: entry}
    with replacing(path, TrainingError) as part:
        part.write_text(card_text(card), encoding="utf-8")
