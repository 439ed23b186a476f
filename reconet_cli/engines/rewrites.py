"""The same function in fewer operations, for inference: nearest ×2 and the convolution behind it become one layer.

Repeated pixels give a kernel's neighboring taps the same value, so those taps can be added up beforehand. Border
pixels are repeated too, which is what reflection gives at a distance of one pixel from a doubled border.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.model.layers import Conv, ConvNorm
from reconet_cli.model.network import FastNetwork, PaperNetwork, ReCoNet, fold_head


class UpscaleConv(nn.Module):
    """Nearest ×2 and a 3×3 as one 4×4 transposed convolution of stride 2: 4 multiplications an output, not 9."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        # Row k of the fold adds the taps of the 3×3 that land on transposed tap k.
        fold = conv.weight.new_tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])
        weight = torch.einsum("ay,bx,oiyx->ioab", fold, fold, conv.weight)
        self.conv = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=3)
        self.conv.load_state_dict({"weight": weight, "bias": conv.bias})

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, out, 2H, 2W)`."""
        y: Tensor = self.conv(F.pad(x, (1, 1, 1, 1), mode="replicate"))
        return y


class PhasedHead(nn.Module):
    """A convolution that gives the four pixels of a 2×2 square as channels, and the pixel shuffle behind it."""

    conv: nn.Conv2d

    def blocks(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, 4 · out, H', W')`: channel, then row and column in the square."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The same, `(N, out, 2H', 2W')`."""
        return F.pixel_shuffle(self.blocks(x), 2)


class UpscaleHead(PhasedHead):
    """Nearest ×2 and a 5×5 as one 3×3 at the small size with four times the channels, then a pixel shuffle."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        weight, bias = fold_head(conv)
        self.conv = nn.Conv2d(conv.in_channels, 4 * conv.out_channels, 3)
        self.conv.load_state_dict({"weight": weight, "bias": bias})

    def blocks(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, 4 · out, H, W)`."""
        y: Tensor = self.conv(F.pad(x, (1, 1, 1, 1), mode="replicate"))
        return y


class ShuffledHead(PhasedHead):
    """A k×k to 3 channels as a (k+1)×(k+1) of stride 2 to 12, then a pixel shuffle.

    Three output channels leave most of a vector unit idle; the four pixels of a 2×2 square share its window.
    """

    def __init__(self, head: Conv) -> None:
        super().__init__()
        self.padding = head.padding
        outputs, inputs, size, _ = head.conv.weight.shape
        weight = head.conv.weight.new_zeros(outputs, 2, 2, inputs, size + 1, size + 1)
        for down in range(2):
            for right in range(2):
                weight[:, down, right, :, down : down + size, right : right + size] = head.conv.weight
        assert head.conv.bias is not None
        self.conv = nn.Conv2d(inputs, 4 * outputs, size + 1, stride=2)
        self.conv.load_state_dict({"weight": weight.flatten(0, 2), "bias": head.conv.bias.repeat_interleave(4)})

    def blocks(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` with even sides to `(N, 4 · out, H / 2, W / 2)`."""
        y: Tensor = self.conv(F.pad(x, (self.padding,) * 4, mode="reflect"))
        return y


def _fold_upscale(layer: ConvNorm) -> nn.Module:
    return nn.Sequential(UpscaleConv(layer.conv.conv), layer.norm)


def _fold_layer(layer: nn.Module) -> nn.Module:
    """A layer of the paper's decoder: doublings with a 3×3 behind them, and the head."""
    return _fold_upscale(layer) if isinstance(layer, ConvNorm) else ShuffledHead(cast(Conv, layer))


class _FoldedFast(nn.Module):
    """`FastNetwork` with its doublings folded into the convolutions behind them."""

    multiple = FastNetwork.multiple

    def __init__(self, body: FastNetwork) -> None:
        super().__init__()
        self.at_half, self.at_quarter, self.encoder = body.at_half, body.at_quarter, body.encoder
        self.to_quarter, self.to_half = _fold_upscale(body.to_quarter), _fold_upscale(body.to_half)
        self.head = UpscaleHead(body.head)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `FastNetwork.forward`."""
        quarter = self.at_quarter(self.at_half(x))
        features = self.encoder(quarter)
        return features, self.head(self.to_half(self.to_quarter(features) + quarter))


@torch.no_grad()
def fold_upscaling(network: ReCoNet) -> ReCoNet:
    """An inference copy of `network` that computes the same pictures faster; its weights cannot be saved as a style."""
    folded = copy.deepcopy(network).eval()
    if isinstance(folded.body, FastNetwork):
        folded.body = _FoldedFast(folded.body)  # type: ignore[assignment]
    elif isinstance(folded.body, PaperNetwork):
        folded.body.decoder = nn.Sequential(*map(_fold_layer, folded.body.decoder))
    return folded.requires_grad_(False)
