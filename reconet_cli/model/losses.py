"""The losses of ReCoNet (arXiv 1807.01197, section 3.2), each divided by its own scale.

The paper's weights only fit its network, resolution and pixel range. Here content, style and feature terms are divided
by the size of what they compare with, so that 1 means "as wrong as an empty picture" at any resolution and with any
loss network. All terms average over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from reconet_cli.warping import luminance, resize_flow, resize_mask, warp

_EPS = 1e-8


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrices `(N, C, C)` of `(N, C, H, W)`, divided by C·H·W (Johnson et al., ECCV 2016, eq. 3)."""
    channels, height, width = features.shape[-3:]
    flat = features.permute(0, 2, 3, 1).flatten(1, 2)
    return flat.transpose(1, 2) @ flat / (channels * height * width)


def content_loss(output: Tensor, target: Tensor, power: float) -> Tensor:
    """`‖φ(O) − φ(I)‖² / (C·H·W·power)` of features `(N, C, H, W)` (paper, eq. 6, made scale-free).

    `power` is the usual mean square of φ(I). A batch's own would make flat pictures count more than others.
    """
    return ((output - target) ** 2).mean() / max(power, _EPS)


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


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of `(N, 3, H, W)` (paper, section 3.2)."""
    across = (image[..., :, 1:] - image[..., :, :-1]) ** 2
    down = (image[..., 1:, :] - image[..., :-1, :]) ** 2
    return across.mean() + down.mean()


def feature_temporal_loss(current: Tensor, previous: Tensor, flow: Tensor, mask: Tensor) -> Tensor:
    """`‖M'·(F_t − W'(F_{t−1}))‖² / ‖F_t‖²` (paper, eq. 3, made scale-free).

    Features `(N, C, h, w)`; `flow` `(N, 2, H, W)` current→previous in pixels and `mask` `(N, 1, H, W)` at the frame's
    size, both brought to the features' size here. Each frame's scale is its own, so that a batch may be split among
    processes, and carries no gradient: shrinking the features gains nothing.
    """
    size = (current.shape[-2], current.shape[-1])
    moved = warp(previous, resize_flow(flow, size))
    seen = resize_mask(mask, size)
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
