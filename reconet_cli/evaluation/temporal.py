"""Temporal error: how much a painted clip flickers beyond its own motion."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from reconet_cli.flow import estimate_flow
from reconet_cli.model.losses import temporal_gap
from reconet_cli.warping import visibility_mask


def flow_and_mask(current: np.ndarray, previous: np.ndarray, method: str = "dis-medium") -> tuple[Tensor, Tensor]:
    """Flow current→previous `(1, 2, H, W)` in pixels and its visibility mask, estimated from uint8 RGB frames."""
    flow, reverse = (
        torch.from_numpy(estimate_flow(a, b, method))[None] for a, b in ((current, previous), (previous, current))
    )
    return flow, visibility_mask(flow, reverse)


class TemporalError:
    """`e_stab = sqrt(1/(T−1) · Σ_t (1/D)·‖M_t·(O_t − W_t(O_{t−1}))‖²)` (arXiv 1807.01197, eq. 8), pixels in [0, 1].

    D counts all values of a frame. Feed it one pair of frames after the other.
    """

    def __init__(self) -> None:
        self._squares = 0.0
        self._coverage = 0.0
        self._pairs = 0

    def add(self, previous: np.ndarray, current: np.ndarray, flow: Tensor, mask: Tensor) -> None:
        """Account for two painted uint8 frames, with the *source* frames' flow current→previous and mask."""
        then, now = (torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255 for frame in (previous, current))
        self._squares += temporal_gap(now, then, flow, mask).item()
        self._coverage += mask.mean().item()
        self._pairs += 1

    @property
    def value(self) -> float:
        """The error so far; not a number before the first pair."""
        return math.sqrt(self._squares / self._pairs) if self._pairs else math.nan

    @property
    def coverage(self) -> float:
        """Mean share of pixels that could be traced."""
        return self._coverage / self._pairs if self._pairs else math.nan
