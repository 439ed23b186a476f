"""The temporal error of painted data sets with true flow, scene by scene: the paper's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli.evaluation import published
from reconet_cli.evaluation.measures.temporal import Trace, mean_error, pair_error
from reconet_cli.flow.datasets import FlowPair
from reconet_cli.warping import resize_flow, resize_mask

# Data sets whose pairs follow each other: a pair's name is its scene's and a number.
_SEQUENCES = ("MPI Sintel", "Scene Flow")

Paint = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PairScore:
    """Share of pixels traced in [0, 1], and the error of each painter by its name; `source` is the frames' own."""

    pair: str
    coverage: float
    source: float
    painted: dict[str, float]


@dataclass(frozen=True)
class SceneScore:
    """One scene's pairs."""

    scene: str
    pairs: list[PairScore]

    @property
    def coverage(self) -> float:
        """Mean share of pixels traced."""
        return sum(pair.coverage for pair in self.pairs) / len(self.pairs)

    @property
    def source(self) -> float:
        """The frames' own warping error: the floor."""
        return mean_error([pair.source for pair in self.pairs])

    def error(self, name: str) -> float:
        """e_stab of a painter."""
        return mean_error([pair.painted[name] for pair in self.pairs])


def scene_of(pair: FlowPair) -> str:
    """The scene that a pair belongs to; pairs of data sets without scenes belong to the data set."""
    if pair.layout.startswith(_SEQUENCES):
        return pair.name.rpartition("/")[0].rpartition("/")[2] or pair.layout
    return pair.name.rpartition("/")[2] if pair.layout == "Middlebury" else pair.layout


def papers_scenes(pairs: Sequence[FlowPair]) -> list[FlowPair]:
    """Of MPI Sintel the five scenes of the paper's table, where one of them is there; otherwise all pairs."""
    chosen = [pair for pair in pairs if is_sintel(pair) and scene_of(pair) in published.SCENES]
    return chosen or list(pairs)


def is_sintel(pair: FlowPair) -> bool:
    """Whether a pair can stand beside the paper's table."""
    return pair.layout.startswith("MPI Sintel")


def evaluate_pairs(
    pairs: Sequence[FlowPair],
    painters: Mapping[str, Paint],
    size: tuple[int, int] | None = None,
    *,
    on_pair: Callable[[int], None] = lambda done: None,
    on_cut: Callable[[], None] = lambda: None,
) -> list[SceneScore]:
    """e_stab of each painter (uint8 RGB to uint8 RGB of the same size) on each scene, with the data set's own flow.

    `on_cut` is called before a frame is painted that does not follow the one before, `on_pair` with the number of pairs
    done. Frames, flow and mask are brought to `size` (width, height) first. Where the data set has flow in one
    direction alone, the earlier frame plays the current one (`FlowPair.traced`). Raises `FlowError` for pairs that
    cannot be read.
    """
    scenes: dict[str, list[PairScore]] = {}
    painted: dict[Path, list[np.ndarray]] = {}
    for count, pair in enumerate(pairs, 1):
        traced = pair.traced()
        trace = Trace(torch.from_numpy(traced.flow)[None], torch.from_numpy(traced.visible)[None, None].float())
        if size:
            trace = Trace(resize_flow(trace.flow, size[::-1]), resize_mask(trace.mask, size[::-1]))
        frames = (traced.previous, traced.current)
        if painted and pair.a not in painted:
            on_cut()
        before, painted = painted, {}
        # In the order of time, whichever of them plays the current frame.
        for path, frame in zip((pair.a, pair.b), frames if pair.reverse else frames[::-1], strict=True):
            painted[path] = before[path] if path in before else _paint(fitted(frame, size), painters)
        current, previous = (pair.b, pair.a) if pair.reverse else (pair.a, pair.b)
        both = zip(painted[current], painted[previous], strict=True)
        errors = [pair_error(now, earlier, trace) for now, earlier in both]
        score = PairScore(pair.name, trace.coverage, errors[0], dict(zip(painters, errors[1:], strict=True)))
        scenes.setdefault(scene_of(pair), []).append(score)
        on_pair(count)
    return [SceneScore(name, scores) for name, scores in scenes.items()]


def _paint(frame: np.ndarray, painters: Mapping[str, Paint]) -> list[np.ndarray]:
    return [frame, *(paint(frame) for paint in painters.values())]


def fitted(frame: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """A frame at `size` (width, height): averaged when smaller, interpolated when larger; None leaves it alone."""
    height, width = frame.shape[:2]
    if size is None or (width, height) == size:
        return frame
    smaller = size[0] * size[1] <= width * height
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
