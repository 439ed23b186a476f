"""The motion between two frames: flow one way or both, with the visibility masks that both ways give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from reconet_cli.flow.estimate import check_pair, estimate_flow
from reconet_cli.warping import resize_flow, visibility_mask

# Forward is first→second (previous→current), backward second→first.
Direction = Literal["forward", "backward"]
_OPPOSITE: dict[Direction, Direction] = {"forward": "backward", "backward": "forward"}


@dataclass(frozen=True)
class MotionSettings:
    """Which way to estimate, and how.

    `scale` in (0, 1] is the size to compute at; `visible` asks for masks, which needs both ways inside.
    """

    method: str = "dis-medium"
    scale: float = 1.0
    directions: tuple[Direction, ...] = ("forward",)
    visible: bool = False


@dataclass(frozen=True)
class Motion:
    """Flow float32 `(2, H, W)` in full-size pixels; `visible` bool `(H, W)` where a pixel can be traced, or None."""

    flow: np.ndarray
    visible: np.ndarray | None


def measure_motion(first: np.ndarray, second: np.ndarray, settings: MotionSettings) -> dict[Direction, Motion]:
    """The motion between RGB uint8 frames `(H, W, 3)` in each of the directions that `settings` names.

    Masks are Sundaram et al.'s forward–backward check (`warping.visibility_mask`). Raises `FlowError` as
    `estimate_flow` does.
    """
    check_pair(first, second)
    ways = set(settings.directions)
    if settings.visible:
        ways |= {_OPPOSITE[way] for way in ways}
    size = first.shape[:2]
    first, second = (_scaled(frame, settings.scale) for frame in (first, second))
    flows: dict[Direction, Tensor] = {}
    for way in sorted(ways):
        a, b = (first, second) if way == "forward" else (second, first)
        flows[way] = resize_flow(torch.from_numpy(estimate_flow(a, b, settings.method))[None], size)
    return {
        way: Motion(flows[way][0].numpy(), _visible(flows, way) if settings.visible else None)
        for way in settings.directions
    }


def _scaled(frame: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return frame
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _visible(flows: dict[Direction, Tensor], way: Direction) -> np.ndarray:
    return visibility_mask(flows[way], flows[_OPPOSITE[way]])[0, 0].numpy() > 0
