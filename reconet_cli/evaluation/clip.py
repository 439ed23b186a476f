"""All measures of painted clips beside their source, frame by frame, in bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from reconet_cli.errors import EvaluationError
from reconet_cli.evaluation.measures.likeness import structure, tone
from reconet_cli.evaluation.measures.motion import motion_difference
from reconet_cli.evaluation.measures.perception import Comparator, content_distance, style_distance
from reconet_cli.evaluation.measures.sharpness import sharpness
from reconet_cli.evaluation.measures.temporal import Trace, estimate_trace, mean_error, pair_error
from reconet_cli.evaluation.measures.warping_error import unoccluded, warping_error
from reconet_cli.evaluation.worst import Worst, WorstPair
from reconet_cli.flow import estimate_flow

# Frames between two that are compared: neighbors, and the long range.
SPANS = (1, 5, 10)
# What a loss network sees and how a painting moves change slowly from frame to frame, and both are dear.
_COMPARE_EVERY = 4

# Measures of single frames: their names for people, their fields in the scores, and the digits that a table shows.
MEASURES = (
    ("E_warp", "warping", 5),
    ("tOF", "motion", 3),
    ("perceptual", "change", 4),
    ("LPIPS", "lpips", 4),
    ("style", "style", 3),
    ("content", "content", 3),
    ("structure", "structure", 3),
    ("tone", "tone", 3),
    ("sharpness", "sharpness", 2),
)

# Finds the way from the current source frame to an earlier one.
Tracer = Callable[[np.ndarray, np.ndarray], Trace]
# Estimates the flow from one frame to another, `(2, H, W)`.
Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass
class FrameScore:
    """Measures of one frame; None where there was nothing to compare with, or no loss network.

    `errors` by span: the pair's `sqrt((1/D)·‖M·(O_t − W(O_{t−span}))‖²)`. With the frame before: `warping` is Lai et
    al.'s error, `motion` TecoGAN's tOF in pixels, `change` the warped perceptual distance and `lpips` the warped LPIPS.
    `structure` and `tone` say how much of the original a painting keeps (1: all of it).
    """

    sharpness: float
    errors: dict[int, float] = field(default_factory=dict)
    warping: float | None = None
    motion: float | None = None
    change: float | None = None
    lpips: float | None = None
    style: float | None = None
    content: float | None = None
    structure: float | None = None
    tone: float | None = None


def _mean(values: Sequence[float | None]) -> float:
    there = [value for value in values if value is not None]
    return math.fsum(there) / len(there) if there else math.nan


class _Mean:
    """The mean of the measure of the same name over a clip's frames."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, clip: ClipScore, owner: type) -> float:
        return _mean([getattr(frame, self._name) for frame in clip.frames])


@dataclass
class ClipScore:
    """Measures of one clip, means of those of its frames (see `FrameScore`); not a number where nothing was measured.

    `rate` is how many frames a second were painted.
    """

    name: str
    frames: list[FrameScore] = field(default_factory=list)
    rate: float = math.nan

    warping = _Mean()
    motion = _Mean()
    change = _Mean()
    lpips = _Mean()
    style = _Mean()
    content = _Mean()
    structure = _Mean()
    tone = _Mean()
    sharpness = _Mean()

    def error(self, span: int = 1) -> float:
        """Temporal error over a span: e_stab for 1, the long-range error for more."""
        return mean_error([frame.errors[span] for frame in self.frames if span in frame.errors])


@dataclass
class Evaluation:
    """The source's own measures (its warping error is the floor), the painted clips', and the traced share of pixels.

    `coverage` has one value in [0, 1] a pair, by span; the pair of frame t with t − span is at t − span. `worst` has
    each painted clip's worst pairs of neighbors, if they were asked for.
    """

    source: ClipScore
    painted: list[ClipScore]
    coverage: dict[int, list[float]]
    worst: list[list[WorstPair]] = field(default_factory=list)

    def traced(self, span: int = 1) -> float:
        """Mean share of pixels that could be traced over a span."""
        return _mean(self.coverage[span])


class Evaluator:
    """Takes a source frame and its paintings, uint8 RGB `(H, W, 3)` of one size, one frame after the other.

    `names` are the painted clips'. `tracer` follows the source's pixels, `flow` is what paintings move by; both should
    be by one method. On every fourth frame, the paintings' motion is measured, and by `comparator` what a loss network
    sees; `grams` are those of each clip's style picture, or None. `worst` pairs of each painted clip are kept as
    pictures. Only the last ten frames are held.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        tracer: Tracer = estimate_trace,
        flow: Flow = estimate_flow,
        comparator: Comparator | None = None,
        grams: Sequence[list[Tensor] | None] = (),
        worst: int = 0,
    ) -> None:
        self._tracer = tracer
        self._flow = flow
        self._comparator = comparator
        self._grams = list(grams) or [None] * len(names)
        self._worst = [Worst(worst) for _ in names]
        self._before: deque[list[np.ndarray]] = deque(maxlen=max(SPANS))
        self.result = Evaluation(
            ClipScore("original"),
            [ClipScore(name) for name in names],
            {span: [] for span in SPANS},
            [kept.pairs for kept in self._worst],
        )
        self._clips = [self.result.source, *self.result.painted]

    def add(self, source: np.ndarray, painted: Sequence[np.ndarray]) -> None:
        """Measure the next frame. Raises `EvaluationError` where a painting's size differs, `FlowError`."""
        now = [source, *painted]
        for clip, frame in zip(self._clips, now, strict=True):
            _check_size(clip.name, frame, source)
            clip.frames.append(FrameScore(sharpness(frame)))
        for clip, frame in zip(self.result.painted, painted, strict=True):
            clip.frames[-1].structure, clip.frames[-1].tone = structure(frame, source), tone(frame, source)
        for span in SPANS:
            if span <= len(self._before):
                self._compare(now, span)
        self._before.append(now)

    def _compare(self, now: list[np.ndarray], span: int) -> None:
        earlier = self._before[-span]
        trace = self._tracer(now[0], earlier[0])
        self.result.coverage[span].append(trace.coverage)
        for clip, frame, before in zip(self._clips, now, earlier, strict=True):
            clip.frames[-1].errors[span] = pair_error(frame, before, trace)
        if span > 1:
            return
        index = len(self._clips[0].frames) - 1
        # The second frame is the first that has one before it.
        looked_at = index % _COMPARE_EVERY == 1
        if trace.reverse is not None:
            mask = unoccluded(trace.reverse, trace.flow)
            for clip, frame, before in zip(self._clips, now, earlier, strict=True):
                clip.frames[-1].warping = warping_error(before, frame, trace.reverse, mask)
            if looked_at:
                self._move(now, earlier, trace.reverse[0].numpy())
        for kept, clip, frame, before in zip(self._worst, self._clips[1:], now[1:], earlier[1:], strict=True):
            kept.see(index, clip.frames[-1].errors[1], frame, before, trace)
        if self._comparator and looked_at:
            self._look(self._comparator, now, trace)

    def _move(self, now: list[np.ndarray], earlier: list[np.ndarray], motion: np.ndarray) -> None:
        for clip, frame, before in zip(self._clips[1:], now[1:], earlier[1:], strict=True):
            clip.frames[-1].motion = motion_difference(self._flow(before, frame), motion)

    def _look(self, comparator: Comparator, now: list[np.ndarray], trace: Trace) -> None:
        views = [comparator.view(frame) for frame in now]
        for clip, view, frame, earlier in zip(self._clips, views, now, self._before[-1], strict=True):
            found = comparator.change(frame, view, earlier, trace)
            clip.frames[-1].change, clip.frames[-1].lpips = found.perceptual, found.lpips
        for clip, view, grams in zip(self._clips[1:], views[1:], self._grams, strict=True):
            clip.frames[-1].content = content_distance(view, views[0].perception.contents[0])
            clip.frames[-1].style = style_distance(view, grams) if grams else None


def _check_size(name: str, frame: np.ndarray, source: np.ndarray) -> None:
    if frame.shape != source.shape:
        (height, width), (rows, columns) = frame.shape[:2], source.shape[:2]
        raise EvaluationError(
            f"{name} is {width}x{height}, the original {columns}x{rows}", "give --size to compare them at one size"
        )
