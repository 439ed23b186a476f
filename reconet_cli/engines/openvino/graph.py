"""The network as OpenVINO runs it: the function of `FrameGraph` with less to do around the convolutions.

Frames go in as they lie in memory and their scaling is in the first convolution's weights, so that nothing is converted
or moved before it; the last convolution's outputs come out as they are, the pixels of 2×2 blocks as channels.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.engines.graph import LEVELS
from reconet_cli.engines.rewrites import PhasedHead, fold_upscaling
from reconet_cli.model.layers import Conv
from reconet_cli.model.network import PaperNetwork, ReCoNet, padding_to_multiple


class BlocksGraph(nn.Module):
    """Frames `(N, H, W, 3)` of integers 0..`levels` to painted blocks `(N, h, w, 12)`, uint8 or int32.

    h and w are half the sides, which are first padded to the network's multiple. A square's channels are row, column,
    color.
    """

    def __init__(self, network: ReCoNet, levels: int = LEVELS) -> None:
        super().__init__()
        self.levels = levels
        self.body = fold_upscaling(network).body
        self.multiple = self.body.multiple
        if isinstance(self.body, PaperNetwork):
            stem = cast(Conv, self.body.encoder[0].conv)
            self.body.decoder[-1] = _Blocks(cast(PhasedHead, self.body.decoder[-1]))
        else:
            stem = self.body.at_half.conv
            self.body.head = _Blocks(cast(PhasedHead, self.body.head))  # type: ignore[assignment]
        self.border, stem.padding = stem.padding, 0
        # Values of 16 bits would not fit half precision, so they are scaled in the graph.
        self.scale = 1 if levels == LEVELS else levels
        _take_range(stem.conv, levels / self.scale)

    def forward(self, frames: Tensor) -> Tensor:
        """Paint frames."""
        values = frames.float()
        if self.scale != 1:
            values = values / self.scale
        # Plain numbers, so that a trace holds for all sizes that need the same.
        right, down, mode = padding_to_multiple(int(frames.shape[1]), int(frames.shape[2]), self.multiple)
        # In five dimensions padding reaches rows and columns that lie before the colors.
        values = values.unsqueeze(0)
        if right or down:
            values = F.pad(values, (0, 0, 0, right, 0, down), mode=mode)
        values = F.pad(values, (0, 0, *(self.border,) * 4), mode="reflect").squeeze(0)
        painted = torch.tanh(self.body(values.permute(0, 3, 1, 2))[1])
        painted = painted * (self.levels / 2) + (self.levels + 1) / 2
        whole = torch.uint8 if self.levels == LEVELS else torch.int32
        return painted.clamp(0, self.levels).to(whole).permute(0, 2, 3, 1)


class _Blocks(nn.Module):
    """A head before its pixel shuffle, with the color as the last of a block's indices."""

    def __init__(self, head: PhasedHead) -> None:
        super().__init__()
        self.head = head
        order = torch.arange(12).view(3, 2, 2).permute(1, 2, 0).flatten()
        assert head.conv.bias is not None
        head.conv.load_state_dict({"weight": head.conv.weight[order], "bias": head.conv.bias[order]})

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, 12, H', W')`."""
        return self.head.blocks(x)


@torch.no_grad()
def _take_range(conv: nn.Conv2d, top: float) -> None:
    """Make a convolution of values in [-1, 1] one of values in [0, `top`]."""
    assert conv.bias is not None
    conv.bias -= conv.weight.sum((1, 2, 3))
    conv.weight *= 2 / top
