"""Temporal error: how much a painted clip flickers beyond its own motion."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reconet_cli.flow import estimate_flow
from reconet_cli.model.losses import temporal_gap
from reconet_cli.model.tensors import to_tensor
from reconet_cli.warping import visibility_mask


@dataclass(frozen=True)
class Trace:
    """The way back from a frame to an earlier one, told by the *source* frames.

    `flow` is current→earlier, float32 `(1, 2, H, W)` in pixels; `mask` `(1, 1, H, W)` is 1 where a pixel can be traced.
    `reverse` is earlier→current, None where it is not known.
    """

    flow: Tensor
    mask: Tensor
    reverse: Tensor | None = None

    @property
    def coverage(self) -> float:
        """Share of pixels in [0, 1] that can be traced."""
        return self.mask.mean().item()


def estimate_trace(current: np.ndarray, earlier: np.ndarray, method: str = "dis-medium") -> Trace:
    """The trace between two uint8 RGB frames by one of `flow.METHODS`. Raises `FlowError` as `estimate_flow` does."""
    flow, reverse = (
        torch.from_numpy(estimate_flow(a, b, method))[None] for a, b in ((current, earlier), (earlier, current))
    )
    return Trace(flow, visibility_mask(flow, reverse), reverse)


def as_tensor(frame: np.ndarray) -> Tensor:
    """uint8 `(H, W, 3)` as float32 `(1, 3, H, W)` in [0, 1]."""
    return to_tensor(frame)[None]


def pair_error(current: np.ndarray, earlier: np.ndarray, trace: Trace) -> float:
    """`sqrt((1/D)·‖M·(O_t − W(O_s))‖²)` of two uint8 frames, pixels in [0, 1]; D counts all values of a frame."""
    return math.sqrt(temporal_gap(as_tensor(current), as_tensor(earlier), trace.flow, trace.mask).item())


def mean_error(errors: list[float]) -> float:
    """`e_stab = sqrt(1/(T−1) · Σ_t (1/D)·‖M_t·(O_t − W_t(O_{t−1}))‖²)` (arXiv 1807.01197, eq. 8) of pairs' errors.

    With errors over a longer span it is the long-range error. Not a number where there is no pair.
    """
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.nan
