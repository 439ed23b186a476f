"""The losses of ReCoNet (arXiv 1807.01197, section 3.2), each divided by its own scale.

The paper's weights only fit its network, resolution and pixel range. Here content, style and feature terms are divided
by the size of what they compare with, so that 1 means "as wrong as an empty picture" at any resolution and with any
loss network. All terms average over the batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reconet_cli.warping import luminance, resize_flow, resize_mask, warp

_EPS = 1e-8
# Content keeps a fine layer whole and a coarser one by half; a network with one content layer uses the first alone.
CONTENT_SHARES = (1.0, 0.5)
# Light and shade are compared, and colors sampled, on squares of so many pixels.
_TONE_SQUARE = 8
_COLOR_SQUARE = 4
_COLOR_DIRECTIONS = 32
# Of a style picture about so many pixels are looked at, and so many colors kept along each direction.
_COLOR_PIXELS = 1 << 16
_COLOR_QUANTILES = 4096
_LEAST_CONTRAST = 1e-2


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrices `(N, C, C)` of `(N, C, H, W)`, divided by C·H·W (Johnson et al., ECCV 2016, eq. 3).

    Computed in float32 at least: sums over a whole frame overflow in half precision, and lose most digits in bfloat16.
    """
    channels, height, width = features.shape[-3:]
    with torch.autocast(features.device.type, enabled=False):
        features = features if features.dtype == torch.float64 else features.float()
        flat = features.permute(0, 2, 3, 1).flatten(1, 2)
        return products(flat) / (channels * height * width)


def products(pixels: Tensor) -> Tensor:
    """Sums `Σxxᵀ` `(N, C, C)` over pixels x, `(N, P, C)`. Their gradient takes half of what autograd would do."""
    found: Tensor = _Products.apply(pixels)  # type: ignore[no-untyped-call]
    return found


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pixels: Tensor) -> Tensor:
        ctx.save_for_backward(pixels)
        return pixels.transpose(1, 2) @ pixels

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (pixels,) = ctx.saved_tensors
        result: Tensor = pixels @ (gradient + gradient.transpose(1, 2))
        return result


def content_loss(outputs: Sequence[Tensor], targets: Sequence[Tensor], powers: Sequence[float]) -> Tensor:
    """`Σ_l share_l·‖φ_l(O) − φ_l(I)‖² / (C·H·W·power_l)` of features `(N, C, H, W)` (paper, eq. 6, made scale-free).

    The shares are 1 and, at a second and coarser layer, a half. `powers` are the usual mean squares of φ_l(I). A
    batch's own would make flat pictures count more than others.
    """
    shares = CONTENT_SHARES[: len(powers)]
    terms = [
        share * F.mse_loss(output, target) / max(power, _EPS)
        for share, output, target, power in zip(shares, outputs, targets, powers, strict=True)
    ]
    return torch.stack(terms).sum()


def style_loss(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Mean over layers of `‖G(O) − G(S)‖ / ‖G(S)‖` (paper, eq. 7, made scale-free).

    The paper squares the norm. Then pictures that are easily matched soon pull less than the content does, and every
    style needs weights of its own; a plain norm pulls as hard until the end. `outputs` are Gram matrices `(N, C, C)`,
    `targets` those of the style picture `(1, C, C)`, layer by layer.
    """
    terms = [
        (((gram - target) ** 2).sum((1, 2)) / (target**2).sum().clamp_min(_EPS) + _EPS).sqrt().mean()
        for gram, target in zip(outputs, targets, strict=True)
    ]
    return torch.stack(terms).mean()


def tone_loss(output: Tensor, image: Tensor, offset: tuple[int, int] = (0, 0)) -> Tensor:
    """`1 − r` of the luma of two images `(N, 3, H, W)`, averaged over squares of 8×8 pixels (r: Pearson's correlation).

    Keeps light and shade, and so faces, where they were; colors and strokes stay free. 0 to 2, averaged over the batch.
    Squares start at `offset` (down, right), which moves from step to step so that no grid of squares is learned.
    """
    mine, wanted = (_centered(_squares(luminance(x), _TONE_SQUARE, offset)) for x in (output, image))
    product = (mine * wanted).mean((1, 2, 3))
    spread = (mine.pow(2).mean((1, 2, 3)) * wanted.pow(2).mean((1, 2, 3)) + _EPS).sqrt()
    # Where there is hardly any light and shade, its direction is noise.
    return (1 - product / (spread + _LEAST_CONTRAST**2)).mean()


def color_loss(output: Tensor, colors: Tensor, offset: tuple[int, int] = (0, 0)) -> Tensor:
    """Sliced Wasserstein distance between the colors of `(N, 3, H, W)` and a style picture's `sorted_colors`.

    The root of the mean squared difference along 32 directions of the RGB cube (Bonneel et al., JMIV 2015), divided by
    the root mean square contrast of the style picture: about 1 is no likeness at all. Pixels are sampled every 4
    pixels both ways, from `offset` (down, right) on.
    """
    projected = _projections(output[..., offset[0] :: _COLOR_SQUARE, offset[1] :: _COLOR_SQUARE])
    wanted = F.interpolate(colors[None], size=projected.shape[-1], mode="linear", align_corners=True)
    contrast = (colors - colors.mean(1, keepdim=True)).pow(2).mean().clamp_min(_EPS)
    return ((projected - wanted).pow(2).mean((1, 2)) / contrast + _EPS).sqrt().mean()


def sorted_colors(picture: Tensor) -> Tensor:
    """The colors of a picture `(1, 3, H, W)` along 32 directions, 4096 quantiles of each, for `color_loss`."""
    step = math.ceil(math.sqrt(picture.shape[-2] * picture.shape[-1] / _COLOR_PIXELS))
    colors = _projections(picture[..., ::step, ::step])
    return F.interpolate(colors, size=_COLOR_QUANTILES, mode="linear", align_corners=True)[0]


def _projections(image: Tensor) -> Tensor:
    """Pixels of `(N, 3, H, W)` projected on directions spread evenly over half a sphere, sorted, `(N, 32, H·W)`."""
    index = torch.arange(_COLOR_DIRECTIONS, device=image.device, dtype=torch.float32)
    height = (index + 0.5) / _COLOR_DIRECTIONS
    angle = index * math.pi * (3 - math.sqrt(5))  # the golden angle: a Fibonacci lattice
    radius = (1 - height**2).sqrt()
    directions = torch.stack([radius * angle.cos(), radius * angle.sin(), height], 1)
    return _sorted(directions @ image.float().flatten(2))


def _sorted(values: Tensor) -> Tensor:
    """Values in ascending order of the last axis; on CPUs NumPy finds the order five times as fast as PyTorch."""
    if values.device.type != "cpu":
        return values.sort(-1).values
    return values.gather(-1, torch.from_numpy(np.argsort(values.detach().numpy(), -1)))


def _squares(luma: Tensor, side: int, offset: tuple[int, int]) -> Tensor:
    return F.avg_pool2d(luma[..., offset[0] :, offset[1] :], side)


def _centered(values: Tensor) -> Tensor:
    return values - values.mean((2, 3), keepdim=True)


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels of `(N, 3, H, W)` (paper, section 3.2)."""
    across = F.mse_loss(image[..., :, 1:], image[..., :, :-1])
    return across + F.mse_loss(image[..., 1:, :], image[..., :-1, :])


def feature_temporal_loss(current: Tensor, previous: Tensor, flow: Tensor, mask: Tensor, stride: int) -> Tensor:
    """`‖M'·(F_t − W'(F_{t−1}))‖² / ‖F_t‖²` (paper, eq. 3, made scale-free).

    Features `(N, C, h, w)`, one for `stride`² pixels; `flow` `(N, 2, H, W)` current→previous in pixels and `mask`
    `(N, 1, H, W)` at the frame's size, both brought to the features' size here. Features may reach beyond the frame,
    which was padded on the right and below; nothing is traced there. Each frame's scale is its own, so that a batch
    may be split among processes, and carries no gradient: shrinking the features gains nothing.
    """
    size = (current.shape[-2], current.shape[-1])
    height, width = flow.shape[-2:]
    beyond = (0, size[1] * stride - width, 0, size[0] * stride - height)
    moved = warp(previous, resize_flow(F.pad(flow, beyond), size))
    seen = resize_mask(F.pad(mask, beyond), size)
    scale = (current.detach().float() ** 2).mean((1, 2, 3)).clamp_min(_EPS)
    return ((seen * (current - moved) ** 2).mean((1, 2, 3)) / scale).mean()


def output_temporal_loss(
    outputs: tuple[Tensor, Tensor], inputs: tuple[Tensor, Tensor], flow: Tensor, mask: Tensor
) -> Tensor:
    """`Σ_c ‖M·((O_t − W(O_{t−1}))_c − (I_t − W(I_{t−1}))_Y)‖² / (H·W)` (paper, eq. 5: luminance warping constraint).

    Pairs are (previous, current) images `(N, 3, H, W)` in [0, 1]; `flow` is current→previous in pixels.
    """
    change = outputs[1] - warp(outputs[0], flow)
    light = luminance(inputs[1] - warp(inputs[0], flow))
    return (mask * (change - light) ** 2).sum(1).mean()


def temporal_gap(current: Tensor, previous: Tensor, flow: Tensor, mask: Tensor) -> Tensor:
    """`(1/D)·‖M·(O_t − W(O_{t−1}))‖²`, the term of the temporal error (paper, eq. 8), of images `(N, 3, H, W)`.

    `flow` is current→previous in pixels; D counts all values of a frame. The temporal error is the root of its mean.
    """
    return ((mask * (current - warp(previous, flow))) ** 2).mean()
