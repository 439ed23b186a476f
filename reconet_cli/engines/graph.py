"""The network as engines run it: integer frames in, integer frames out, every conversion inside the graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reconet_cli.model.network import ReCoNet

LEVELS = 255
SIXTEEN_BIT_LEVELS = 65535


class FrameGraph(nn.Module):
    """Frames `(N, H, W, 3)` of integers 0..`levels` to the same, rounded to nearest.

    uint8 for 255 levels; for more, int32 comes out, because PyTorch can do little with uint16.
    """

    def __init__(self, network: ReCoNet, dtype: torch.dtype = torch.float32, levels: int = LEVELS) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype
        self.levels = levels

    def forward(self, frames: Tensor) -> Tensor:
        """Paint frames."""
        # Values of 16 bits are scaled before they are rounded to half precision.
        image = (frames.permute(0, 3, 1, 2).float() / self.levels).to(self.dtype)
        painted: Tensor = self.network(image).float() * self.levels + 0.5
        whole = torch.uint8 if self.levels == LEVELS else torch.int32
        return painted.clamp(0, self.levels).to(whole).permute(0, 2, 3, 1)
