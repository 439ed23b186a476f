"""Learning a style within seconds, on frames of what is about to be painted; and how it goes on later."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.weights import save_weights
from reconet_cli.styles.cards import CARD, PREVIEW, card_text, entries_of, read_card
from reconet_cli.training.card import recipe, write_card
from reconet_cli.training.cluster import Cluster
from reconet_cli.training.data.mixture import Sources, batches, shipped_frames
from reconet_cli.training.data.photographs import Photographs, kept_side
from reconet_cli.training.data.sources import reduce_to, style_tensor
from reconet_cli.training.inputs import fingerprints
from reconet_cli.training.lesson import VARIANT, Lesson, usual_seconds
from reconet_cli.training.precision import choose_precision
from reconet_cli.training.preview import preview_frames, write_sheet
from reconet_cli.training.settings import TrainingFiles, TrainingSettings
from reconet_cli.training.synthetic.scenes import Scenes
from reconet_cli.training.trainer import Trainer

_LOSS_NETWORK = "compact"
# Side in pixels of the frames that a step learns from. In the same time, more steps of these are better than of 256.
_SIZE = 160
# The last share of the time, which learns from pairs of frames: they take twice as long as single ones.
_TEMPORAL = 0.3
# More steps a second than there will be; warming up takes a share of as many.
_FASTEST = {"cuda": 60, "cpu": 40}
# Shares of frames to be painted, of photographs that come along and of procedural scenes, with and without the first.
_SHARES, _SHARES_ALONE = (0.6, 0.2, 0.2), (0.0, 0.5, 0.5)
_CANVASES = 12
# However long setting up takes, learning gets this share of the time.
_LEAST = 0.5

# Called with the share that is done and the seconds left.
OnProgress = Callable[[float, float], None]


def learn(lesson: Lesson, device: torch.device, folder: Path, on_progress: OnProgress) -> bool:
    """Learn, and write a style into an empty folder: weights, card, preview and the picture.

    An interruption leaves what was learned by then; returns whether there was none. Raises `ReconetError`.
    """
    trainer, files = _set_up(lesson, folder, device)
    complete = True
    try:
        _train(trainer, lesson, on_progress)
    except KeyboardInterrupt:
        if not trainer.step:
            raise
        complete = False
    write_learned(trainer, lesson, files)
    return complete


def _set_up(lesson: Lesson, folder: Path, device: torch.device) -> tuple[Trainer, TrainingFiles]:
    settings = TrainingSettings(
        size=_SIZE, minutes=lesson.seconds / 60, steps=max(1, round(lesson.seconds * _FASTEST.get(device.type, 40))),
        precision=choose_precision("auto", device, None), scenes=_SHARES[2], temporal=_TEMPORAL,
    )  # fmt: skip
    files = TrainingFiles(lesson.picture.path, (), _LOSS_NETWORK, lesson.start, folder, VARIANT)
    loss_network = load_loss_network(_LOSS_NETWORK, device.type)
    style = style_tensor(lesson.picture.pixels, settings.style_scale)
    inputs = fingerprints(files, loss_network)
    return Trainer(settings, loss_network, style, device, start=lesson.start, inputs=inputs), files


def _train(trainer: Trainer, lesson: Lesson, on_progress: OnProgress) -> None:
    start = time.monotonic()
    spent = min(start - lesson.began, lesson.seconds * (1 - _LEAST))
    pairs = batches(_sources(lesson.frames), trainer.settings, 0, 0, Cluster())
    # A thread makes the next pair during a step, which leaves gaps; a process would take longer to start.
    with ThreadPoolExecutor(1) as ahead:
        pair = ahead.submit(next, pairs)
        while not trainer.schedule.finished(trainer.step, trainer.seconds):
            pair, now = ahead.submit(next, pairs), pair.result()
            trainer.train_step(now)
            trainer.seconds = spent + time.monotonic() - start
            done = trainer.schedule.done(trainer.step, trainer.seconds)
            on_progress(done, max(0.0, lesson.seconds - trainer.seconds))


def _sources(frames: Sequence[np.ndarray]) -> Sources:
    of_input, of_photographs, of_scenes = _SHARES if frames else _SHARES_ALONE
    mine, shipped = (
        Photographs([reduce_to(frame, kept_side(_SIZE)) for frame in some]) for some in (frames, shipped_frames())
    )
    sources: Sources = [(of_input, mine)] if frames else []
    return [*sources, (of_photographs, shipped), (of_scenes, Scenes(_CANVASES))]


def write_learned(trainer: Trainer, lesson: Lesson, files: TrainingFiles) -> None:
    """Write what was learned as a style, with its card and preview."""
    picture, folder = lesson.picture, files.output
    made = recipe(trainer, files, []) | {"picture": picture.name} | _history(trainer, lesson)
    save_weights(files.finished, trainer.average, made)
    before = read_card(lesson.start.parent) if lesson.goes_on else {}
    about = {"description": f"learned from {picture.name}", **({"source": picture.address} if picture.address else {})}
    (folder / CARD).write_text(card_text({"variants": {}, **about, **before}), encoding="utf-8")
    write_card(folder, VARIANT, made)
    frames = preview_frames(shipped_frames())
    write_sheet(folder / PREVIEW, [frames, trainer.paint(frames)])
    shutil.copyfile(picture.path, folder / picture.name)


def _history(trainer: Trainer, lesson: Lesson) -> dict[str, Any]:
    """How long it was learned, all in all, and how long it still should be where a first look was interrupted."""
    known: dict[str, Any] = {"begun_with": lesson.start.parent.name, "steps": trainer.step, "seconds": trainer.seconds}
    if lesson.goes_on:
        before = entries_of(read_card(lesson.start.parent)).get(VARIANT, {})
        known |= {name: before[name] for name in ("start", "begun_with") if name in before}
        known |= {name: known[name] + _number(before.get(name)) for name in ("steps", "seconds")}
    left = min(lesson.seconds - trainer.seconds, usual_seconds(trainer.device.type) - known["seconds"])
    finished = left <= 0 or trainer.schedule.finished(trainer.step, trainer.seconds)
    known["seconds"] = round(known["seconds"], 1)
    return known if finished else known | {"unfinished": round(left, 1)}


def _number(value: object) -> float:
    """What a card says, where it is a number: cards may come from anywhere."""
    return value if isinstance(value, (int, float)) else 0
