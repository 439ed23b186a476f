"""The network as engines run it: uint8 frames in, uint8 frames out, every conversion inside the graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reconet_cli.model.network import ReCoNet


class FrameGraph(nn.Module):
    """uint8 `(N, H, W, 3)` to uint8 `(N, H, W, 3)`, rounded to nearest."""

    def __init__(self, network: ReCoNet, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype

    def forward(self, frames: Tensor) -> Tensor:
        """Paint frames."""
        image = frames.permute(0, 3, 1, 2).to(self.dtype) / 255
        painted = self.network(image).float() * 255 + 0.5
        return painted.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
