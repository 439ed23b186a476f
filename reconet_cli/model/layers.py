"""The few layers that ReCoNet is made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORMS = ("instance", "frn")


class FilterResponseNorm(nn.Module):
    """Filter response normalization with a thresholded linear unit (arXiv 1911.09737, eqs. 1–4).

    No mean is subtracted, so a flat channel cannot blow up into the "bubbles" of instance norm.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.threshold = nn.Parameter(torch.zeros(channels))
        self.eps = 1e-6

    def forward(self, x: Tensor) -> Tensor:
        """Normalize and activate `(N, C, H, W)`."""
        # Squares of more than 255 overflow in half precision.
        power = x.float().pow(2).mean((2, 3), keepdim=True)
        normed = x * torch.rsqrt(power + self.eps).to(x.dtype) * self.weight[:, None, None] + self.bias[:, None, None]
        return torch.maximum(normed, self.threshold[:, None, None])


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalization with scales and shifts, cheaper to train on a CPU.

    PyTorch's own brings its input into another order of memory and back. Batch normalization of one frame at a time is
    the same function and keeps the order.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `(N, C, H, W)`."""
        if not self.training or x.device.type != "cpu":
            return super().forward(x)
        frames = [F.batch_norm(x_, None, None, self.weight, self.bias, True, eps=self.eps) for x_ in x.split(1)]
        return frames[0] if len(frames) == 1 else torch.cat(frames)


def norm_activation(norm: str, channels: int) -> nn.Module:
    """Normalization with its activation: instance norm + ReLU, or filter response norm + thresholded unit."""
    if norm == "instance":
        return nn.Sequential(InstanceNorm(channels), nn.ReLU())
    if norm == "frn":
        return FilterResponseNorm(channels)
    raise ValueError(f"unknown norm {norm!r}, expected one of {', '.join(NORMS)}")


class Conv(nn.Module):
    """Convolution behind reflection padding, so that no band shows along the frame's border."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        # An even kernel with an even stride pads alike on both sides and halves the size exactly.
        self.padding = (kernel - stride) // 2 if kernel % 2 == 0 else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` to `(N, outputs, H / stride, W / stride)`."""
        y: Tensor = self.conv(F.pad(x, (self.padding,) * 4, mode="reflect"))
        return y


class ConvNorm(nn.Module):
    """Convolution, normalization, activation; `upscale` repeats pixels first, which leaves no checkerboard."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, norm: str, upscale: int = 1) -> None:
        super().__init__()
        self.upscale = upscale
        self.conv = Conv(inputs, outputs, kernel, stride)
        self.norm = norm_activation(norm, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` to `(N, outputs, H · upscale / stride, W · upscale / stride)`."""
        if self.upscale > 1:
            x = F.interpolate(x, scale_factor=float(self.upscale), mode="nearest")
        y: Tensor = self.norm(self.conv(x))
        return y


class Residual(nn.Module):
    """Residual block of two 3×3 convolutions; the second is normalized but not rectified with instance norm."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, 3, norm=norm)
        self.second = Conv(channels, channels, 3)
        self.norm = InstanceNorm(channels) if norm == "instance" else FilterResponseNorm(channels)
        # A fresh block adds little, so that the picture gets through a fresh network.
        nn.init.constant_(self.norm.weight, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's correction to `(N, channels, H, W)`."""
        correction: Tensor = self.norm(self.second(self.first(x)))
        return x + correction
