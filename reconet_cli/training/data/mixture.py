"""What a run learns from, in which mixture, and what is held out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from reconet_cli.errors import ReconetError, TrainingError
from reconet_cli.flow.datasets import find_dataset
from reconet_cli.system.folders import packaged_frames
from reconet_cli.training.cluster import Cluster
from reconet_cli.training.data.clips import Clips
from reconet_cli.training.data.datasets import DatasetPairs
from reconet_cli.training.data.pairs import FramePairs, join
from reconet_cli.training.data.photographs import Photographs, PictureFiles
from reconet_cli.training.data.sources import CLIPS, PICTURES, PairSource, find_files, read_picture
from reconet_cli.training.data.workers import prepared
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.synthetic.scenes import Scenes

# Pictures kept out of training; previews and the card's losses come from them.
_HELD_OUT = 8
# Clips' motion is real, but there are fewer things to see in them; a data set counts like clips.
_PHOTOGRAPH_SHARE = 0.6
_CLIP_SHARE = 0.4

Sources = list[tuple[float, PairSource]]


@dataclass(frozen=True)
class Reading:
    """Whom to tell while data is read: `note` gets sentences, `on_clip` the number of clips done and of those to do."""

    note: Callable[[str], None]
    on_clip: Callable[[int, int], None]
    should_stop: Callable[[], bool]


class TrainingData:
    """The sources of a run with their shares, and what is held out: `pictures` to look at, `held_out` pairs to measure.

    Without `paths` there are procedural scenes alone. Raises `TrainingError` where `paths` hold nothing to learn from,
    `FlowError` for an incomplete optical-flow data set.
    """

    def __init__(self, paths: list[Path], settings: TrainingSettings, reading: Reading) -> None:
        own = _OwnData(paths, settings.size, reading) if paths else None
        scenes = settings.scenes if own else 1.0
        self.sources: Sources = [(share * (1 - scenes), source) for share, source in own.sources] if own else []
        self.sources += [(scenes, Scenes())]
        self.pictures = own.held_out if own else shipped_frames()
        self.held_out = _held_out_pairs(Photographs(own.held_out) if own else Scenes(), settings.size)


class _OwnData:
    """The user's photographs, clips and data sets, and the pictures held out of them."""

    def __init__(self, paths: list[Path], size: int, reading: Reading) -> None:
        datasets = {path: found for path in paths if (found := find_dataset(path)) is not None}
        theirs = {root for found in datasets.values() for root in found.roots}
        pictures, clips = (
            [file for file in find_files(paths, suffixes) if theirs.isdisjoint(file.parents)]
            for suffixes in (PICTURES, CLIPS)
        )
        if not (pictures or clips or datasets):
            raise TrainingError("no pictures or clips in the training data", "pass a folder of them, or no --data")
        reading.note(f"reading {len(pictures)} pictures and {len(clips)} clips")
        # Spread over the list, because names often sort by subject.
        stride = max(2, len(pictures) // _HELD_OUT)
        held = pictures[::stride][:_HELD_OUT] if len(pictures) > 1 else []
        photographs = Photographs(self._read([file for file in pictures if file not in set(held)], size, reading))
        moving = Clips(clips, size, note=reading.note, on_clip=reading.on_clip, should_stop=reading.should_stop)
        for problem in moving.skipped:
            reading.note(f"left out {problem}")
        self.sources: Sources = []
        self.held_out = list(self._read(held, size, reading))
        if len(photographs):
            self._add(_PHOTOGRAPH_SHARE, photographs, [photographs.pictures[0]])
        if len(moving):
            self._add(_CLIP_SHARE, moving, moving.examples())
        for dataset in datasets.values():
            reading.note(f"reading {dataset}, with true flow")
            pairs = DatasetPairs(dataset)
            self._add(_CLIP_SHARE, pairs, pairs.examples())
        if not self.sources:
            raise TrainingError(
                "no usable picture or clip in the training data", "they need 32 px a side and two frames"
            )
        whole = sum(share for share, _ in self.sources)
        self.sources = [(share / whole, source) for share, source in self.sources]

    def _read(self, files: list[Path], size: int, reading: Reading) -> PictureFiles:
        return PictureFiles(files, size, note=reading.note, should_stop=reading.should_stop)

    def _add(self, share: float, source: PairSource, examples: list[np.ndarray]) -> None:
        self.sources.append((share, source))
        self.held_out = self.held_out or examples


def shipped_frames() -> list[np.ndarray]:
    """Frames of this project's example clip, to look at where the user gave no pictures."""
    return [read_picture(file) for file in packaged_frames()] or Scenes().examples()


def _held_out_pairs(source: PairSource, size: int) -> list[FramePairs]:
    # Seeds that no training step uses: theirs are not negative.
    return [source.sample(size, torch.Generator().manual_seed(-1 - index)) for index in range(_HELD_OUT)]


def sample_batch(sources: Sources, settings: TrainingSettings, step: int, part: range | None = None) -> FramePairs:
    """The batch of one step, or a `part` of its pairs.

    It depends on seed and step alone, so that a resumed run, or one split among processes, sees what another would.
    """
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    shares = torch.tensor([share for share, _ in sources])
    picks = torch.multinomial(shares, settings.batch, replacement=True, generator=generator).tolist()
    seeds = torch.randint(2**62, (settings.batch,), generator=generator).tolist()
    chosen = [(sources[picks[index]][1], seeds[index]) for index in part or range(settings.batch)]
    return join([source.sample(settings.size, torch.Generator().manual_seed(seed)) for source, seed in chosen])


class _Steps(Dataset[FramePairs | ReconetError]):
    """Batches by step number, as torch's loader asks for them. It would make a whole trace the message of an error."""

    def __init__(self, sources: Sources, settings: TrainingSettings, part: range) -> None:
        self.sources = sources
        self.settings = settings
        self.part = part

    def __getitem__(self, step: int) -> FramePairs | ReconetError:
        try:
            return sample_batch(self.sources, self.settings, step, self.part)
        except ReconetError as problem:
            return type(problem)(problem.message, problem.hint)


def batches(
    sources: Sources, settings: TrainingSettings, start: int, workers: int, cluster: Cluster
) -> Iterator[FramePairs]:
    """This process's part of the batches of steps `start`, `start` + 1, …, without end, prepared by `workers` ahead.

    Raises what reading them raises: `TrainingError`, `FlowError`.
    """
    steps = _Steps(sources, settings, cluster.share(settings.batch))
    for batch in prepared(steps, start, workers):
        if isinstance(batch, ReconetError):
            raise batch
        yield batch
