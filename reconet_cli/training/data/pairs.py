"""Frame pairs: what a training step learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class FramePairs:
    """A batch: `previous`, `current` `(N, 3, H, W)` in [0, 1]; `flow` current→previous in pixels; visibility `mask`."""

    previous: Tensor
    current: Tensor
    flow: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> FramePairs:
        """The same batch on a device."""
        return FramePairs(*(t.to(device) for t in (self.previous, self.current, self.flow, self.mask)))

    def frames(self) -> Tensor:
        """The frames of all pairs, the previous ones first: `(2N, 3, H, W)`."""
        return torch.cat([self.previous, self.current]).contiguous(memory_format=torch.channels_last)

    def current_frames(self) -> Tensor:
        """The current frame of each pair alone: `(N, 3, H, W)`."""
        return self.current.contiguous(memory_format=torch.channels_last)


def join(pairs: list[FramePairs]) -> FramePairs:
    """Put batches of one size together."""
    return FramePairs(
        torch.cat([pair.previous for pair in pairs]),
        torch.cat([pair.current for pair in pairs]),
        torch.cat([pair.flow for pair in pairs]),
        torch.cat([pair.mask for pair in pairs]),
    )
