"""What an exported file computes: frames in, painted frames out, with every conversion inside."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.engines.rewrites import fold_upscaling
from reconet_cli.model.network import ReCoNet

# The sides of the smallest frame that a file for any size takes: reflections inside the network need so much.
LEAST_SIDE = 16
_LEVELS = 255
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


class AnySize(nn.Module):
    """A network for images `(1, 3, H, W)` of any size from `LEAST_SIDE` on, with the size found out while it runs.

    Pads by reflection to the network's multiple and crops back, as `ReCoNet` does, without a branch on the size.
    """

    def __init__(self, network: ReCoNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Paint."""
        height, width = image.shape[-2:]
        multiple = self.network.body.multiple
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            padded = F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")
            return self.network.paint_padded(padded)[1][..., :height, :width]
        # `torch.export` asks for proofs about the sizes above that it cannot find; indices need none.
        rows, columns = _reflected(image, height, multiple), _reflected(image, width, multiple)
        painted = self.network.paint_padded(image.index_select(2, rows).index_select(3, columns))[1]
        return painted.index_select(2, _first(image, height)).index_select(3, _first(image, width))


def _reflected(image: Tensor, side: int, multiple: int) -> Tensor:
    """The rows or columns that a side padded to a multiple consists of."""
    last = side - 1
    return last - (last - _first(image, (side + multiple - 1) // multiple * multiple)).abs()


def _first(image: Tensor, count: int) -> Tensor:
    """0 to `count` - 1, where `image` is: the device that `torch.arange` is told would become part of the program."""
    return image.new_ones(count, dtype=torch.int64).cumsum(0) - 1


class ByteFrames(nn.Module):
    """A network for frames `(1, H, W, 3)` uint8 in and out, rounded to nearest."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frame: Tensor) -> Tensor:
        """Paint."""
        # Some runtimes take bytes only where a conversion to float follows at once, or comes last.
        painted: Tensor = self.network((frame.float() / _LEVELS).permute(0, 3, 1, 2))
        return (painted * _LEVELS + 0.5).clamp(0, _LEVELS).permute(0, 2, 3, 1).to(torch.uint8)


class _HalfConvolution(nn.Module):
    """A convolution in half precision among layers in float."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution.half()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolution(x.half())
        return y.float()


def _halved(module: nn.Module, state: list[nn.Module]) -> None:
    for name, child in module.named_children():
        if not isinstance(child, _CONVOLUTIONS):
            _halved(child, state)
        elif state:
            setattr(module, name, _HalfConvolution(child))
        else:
            state.append(child)


def in_half(network: ReCoNet) -> ReCoNet:
    """A copy that convolves in half precision.

    Norms and sums stay in float, and so does the first convolution: half precision has only two levels for each of a
    picture's own, and instance norm makes much of what is lost there.
    """
    halved = copy.deepcopy(network)
    _halved(halved, [])
    return halved


def export_graph(network: ReCoNet, *, half: bool, byte_frames: bool, any_size: bool) -> nn.Module:
    """The module to export: `(1, 3, H, W)` float in [0, 1] to the same, or `(1, H, W, 3)` uint8 to the same."""
    folded = fold_upscaling(network)
    if half:
        folded = in_half(folded)
    graph: nn.Module = AnySize(folded) if any_size else folded
    return (ByteFrames(graph) if byte_frames else graph).eval()
