"""Estimated flow against true flow, and true flow against the frames that it should warp onto each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets import FlowPair, GroundTruth
from reconet_cli.flow.two_way import Direction, MotionSettings, measure_motion
from reconet_cli.warping import warp

_FORWARD: Direction = "forward"
# Errors beyond so many pixels are counted.
THRESHOLDS = (1, 3, 5)


@dataclass(frozen=True)
class FlowErrors:
    """How far an estimate is off on one pair.

    `end_point_error` is the mean over the known pixels of the Euclidean distance to the true flow in pixels (Baker et
    al., IJCV 2011); `over` are the shares in [0, 1] of known pixels that are off by more than 1, 3 and 5 px;
    `occlusion_f` is the F-measure in [0, 1] of the pixels masked as not visible against those that are occluded, None
    without true occlusions; `milliseconds` is the time for the flow in one direction.
    """

    method: str
    layout: str
    pair: str
    end_point_error: float
    over: tuple[float, ...]
    occlusion_f: float | None
    milliseconds: float


@dataclass(frozen=True)
class WarpingCheck:
    """What true flow does to the frames of a pair, as mean absolute differences of code values (0 to 255).

    Both are taken where the mask says visible, a `share` of the frame in [0, 1]: `unwarped` between the frames as
    they are, `warped` after the previous one is brought onto the current one.
    """

    layout: str
    pair: str
    unwarped: float
    warped: float
    share: float


def evaluate_flow(
    pairs: Sequence[FlowPair], methods: Sequence[str], scale: float = 1.0, on_pair: Callable[[], None] = lambda: None
) -> list[FlowErrors]:
    """Errors of each method on each pair, the pairs in their order and each with all methods.

    `scale` in (0, 1] is the size to compute at; `on_pair` is called after each estimate. Raises `FlowError` for pairs
    that cannot be read, or that a method cannot take.
    """
    found = []
    for pair in pairs:
        truth = pair.ground_truth()
        for method in methods:
            found.append(_errors(pair, truth, method, scale))
            on_pair()
    return found


def _errors(pair: FlowPair, truth: GroundTruth, method: str, scale: float) -> FlowErrors:
    settings = MotionSettings(method, scale)
    began = time.perf_counter()
    flow = measure_motion(truth.a, truth.b, settings)[_FORWARD].flow
    milliseconds = 1000 * (time.perf_counter() - began)
    if not truth.known.any():
        raise FlowError(f"{pair.flow} knows no pixel's flow", "leave this pair out")
    distance = np.hypot(*(flow - truth.flow))[truth.known]
    score = None
    if truth.occluded is not None:
        visible = measure_motion(truth.a, truth.b, MotionSettings(method, scale, visible=True))[_FORWARD].visible
        assert visible is not None
        score = f_measure(~visible[truth.known], truth.occluded[truth.known])
    over = tuple(float((distance > threshold).mean()) for threshold in THRESHOLDS)
    return FlowErrors(method, pair.layout, pair.name, float(distance.mean(dtype=np.float64)), over, score, milliseconds)


def f_measure(found: np.ndarray, true: np.ndarray) -> float:
    """Harmonic mean of precision and recall of bool arrays of one shape; 1 where both are empty."""
    both = int((found & true).sum())
    total = int(found.sum() + true.sum())
    return 2 * both / total if total else 1.0


def summarize(errors: Iterable[FlowErrors]) -> list[tuple[FlowErrors, int]]:
    """Means over the pairs of each layout and method, in the order of their first appearance; the number of pairs.

    Each pair has the same weight; `pair` is empty.
    """
    groups: dict[tuple[str, str], list[FlowErrors]] = {}
    for error in errors:
        groups.setdefault((error.layout, error.method), []).append(error)
    return [(_mean(group), len(group)) for group in groups.values()]


def _mean(group: list[FlowErrors]) -> FlowErrors:
    scores = [error.occlusion_f for error in group if error.occlusion_f is not None]
    return replace(
        group[0],
        pair="",
        end_point_error=float(np.mean([error.end_point_error for error in group])),
        over=tuple(float(share) for share in np.mean([error.over for error in group], axis=0)),
        occlusion_f=float(np.mean(scores)) if scores else None,
        milliseconds=float(np.mean([error.milliseconds for error in group])),
    )


def check_warping(pair: FlowPair) -> WarpingCheck:
    """Warp with a pair's true flow, in the direction and with the mask that training uses (`FlowPair.traced`).

    Raises `FlowError` for pairs that cannot be read or that have no visible pixel.
    """
    traced = pair.traced()
    if not traced.visible.any():
        raise FlowError(f"{pair.flow}: no pixel is visible in both frames", "leave this pair out")
    previous, current = (
        torch.from_numpy(frame).permute(2, 0, 1)[None].float() for frame in (traced.previous, traced.current)
    )
    warped = warp(previous, torch.from_numpy(traced.flow)[None])
    mask = torch.from_numpy(traced.visible)
    before, after = (float((current - other)[0, :, mask].abs().mean()) for other in (previous, warped))
    return WarpingCheck(pair.layout, pair.name, before, after, float(mask.float().mean()))
