"""Batches of views that `label.py` has made: each view as it is, and moved, in other light, noise and compression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reconet_cli.engines.people import SIZES, kind_of
from reconet_cli.training.synthetic.random_motion import camera_noise, change_light, random_flow, uniform
from reconet_cli.warping import warp

SOMEBODY = 0.01  # of a view that people cover: from here on somebody is there
_SMALLEST = 0.04  # of a view that people cover, where there are any


@dataclass(frozen=True)
class Batch:
    """Pairs of frames `(2N, 3, H, W)`, earlier ones first, their masks, and the flow later→earlier."""

    kind: str
    frames: Tensor
    masks: Tensor
    flow: Tensor


class Batches:
    """Random views from files, uint8 (N, H, W, 4): RGB, people."""

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        self._parts = [np.load(file, mmap_mode="r") for file in sorted(folder.glob("part-????.npy"))]
        # Neither photographs nor the teacher are good enough for people who are far away.
        covered = [part[:, ::4, ::4, 3].mean((1, 2)) / 255 for part in self._parts]
        self._useful = [np.flatnonzero((share == 0) | (share > _SMALLEST)) for share in covered]
        self._size = size
        self._random = np.random.default_rng(seed)
        self._generator = torch.Generator().manual_seed(seed)

    def plain(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All views once as they are, `(N, 3, H, W)`, and their masks `(N, 1, H, W)`."""
        for part, useful in zip(self._parts, self._useful, strict=True):
            for start in range(0, len(useful), 2 * self._size):
                _, views = _opened(part[useful[start : start + 2 * self._size]])
                yield views[:, :3], views[:, 3:]

    def pairs(self) -> Batch:
        """Views of one part, and the same views moved."""
        part = self._random.integers(len(self._parts))
        chosen = np.sort(self._random.choice(self._useful[part], self._size, replace=False))
        kind, views = _opened(self._parts[part][chosen])
        if self._random.random() < 0.5:
            views = views.flip(3)
        flow = torch.stack([self._flow(*views.shape[-2:]) for _ in views])
        moved = warp(views, flow)
        frames = self._lit(views[:, :3], moved[:, :3])
        return Batch(kind, frames, torch.cat([views[:, 3:], moved[:, 3:]]), flow)

    def _lit(self, earlier: Tensor, later: Tensor) -> Tensor:
        pairs = [self._in_other_light(*both) for both in zip(earlier, later, strict=True)]
        return torch.stack([pair[0] for pair in pairs] + [pair[1] for pair in pairs])

    def _flow(self, height: int, width: int) -> Tensor:
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        return random_flow(side, self._generator)[:, top : top + height, left : left + width]

    def _in_other_light(self, before: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """Change the colors of both frames alike, then light, noise and compression of each."""
        random, generator = self._random, self._generator
        gain = torch.tensor(np.exp(random.normal(0, 0.15, 3) + random.normal(0, 0.2)), dtype=torch.float32)
        gamma, contrast = np.exp(random.normal(0, 0.2)), np.exp(random.normal(0, 0.15))
        gray, blur = random.random() < 0.12, random.uniform(0.4, 1.5) if random.random() < 0.15 else 0.0
        changed = []
        for frame in (before, now):
            frame = frame.clamp(0, 1) ** gamma * gain[:, None, None]
            frame = 0.5 + (frame - 0.5) * contrast
            changed.append(frame.mean(0, keepdim=True).expand(3, -1, -1) if gray else frame)
        lit = change_light(*changed, generator) if random.random() < 0.3 else changed
        noisy = camera_noise(*lit, generator)
        quality = int(uniform(generator, 20, 90)) if random.random() < 0.4 else 0
        return tuple(_compressed(frame, blur, quality) for frame in noisy)  # type: ignore[return-value]


def _opened(views: np.ndarray) -> tuple[str, Tensor]:
    """Views from a file, and the kind of their shape: float32 `(N, 4, H, W)` in [0, 1] of the network's size."""
    kind = kind_of(*views.shape[1:3])
    values = torch.from_numpy(views).permute(0, 3, 1, 2).float() / 255
    return kind, F.interpolate(values, SIZES[kind], mode="bilinear", antialias=True)


def _compressed(frame: Tensor, blur: float, quality: int) -> Tensor:
    if not blur and not quality:
        return frame
    pixels = (frame.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    if quality:
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
