"""Flow warping, flow and mask resizing, visibility masks and luminance.

Conventions (one place, the whole project follows them): a flow a→b is `(N, 2, H, W)` in pixels, channel 0 = x to the
right, channel 1 = y downwards, with `a(p) ≈ b(p + flow(p))`. A mask is `(N, 1, H, W)`, 1 where a pixel can be traced.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# ITU-R BT.709 luma weights; ReCoNet, section 3.3 (luminance constraint).
_LUMA = (0.2126, 0.7152, 0.0722)


def luminance(image: Tensor) -> Tensor:
    """Relative luminance `Y = 0.2126 R + 0.7152 G + 0.0722 B` of `(N, 3, H, W)` as `(N, 1, H, W)`."""
    weights = image.new_tensor(_LUMA).view(1, 3, 1, 1)
    return (image * weights).sum(1, keepdim=True)


def _targets(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel's flow points, as x and y coordinates `(N, H, W)`."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)
    return flow[:, 0] + x, flow[:, 1] + y[:, None]


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample `image` bilinearly at `p + flow(p)`; outside the frame the border's color continues.

    `image` is b as `(N, C, H, W)`, `flow` is a→b as `(N, 2, H, W)` in pixels; the result is b seen from a.
    Coordinates stay in pixels all the way, so zero flow returns the input and an integer shift equals slicing exactly
    (normalized grids lose about 1e-5 px). Differentiable in `image`; computed in float32 at least.
    """
    count, channels, height, width = image.shape
    if flow.shape != (count, 2, height, width):
        raise ValueError(f"flow {tuple(flow.shape)} does not fit image {tuple(image.shape)}")
    image = image if image.dtype == torch.float64 else image.float()
    x, y = _targets(flow.to(image.dtype).nan_to_num())
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor().clamp(max=max(width - 2, 0)), y.floor().clamp(max=max(height - 2, 0))
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    x0, y0 = left.long(), top.long()
    x1, y1 = (x0 + 1).clamp(max=width - 1), (y0 + 1).clamp(max=height - 1)
    pixels = image.flatten(2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        index = (row * width + column).flatten(1)[:, None].expand(-1, channels, -1)
        return pixels.gather(2, index).view(count, channels, height, width)

    upper = at(y0, x0) * (1 - fx) + at(y0, x1) * fx
    lower = at(y1, x0) * (1 - fx) + at(y1, x1) * fx
    return upper * (1 - fy) + lower * fy


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow `(N, 2, H, W)` at another `size` (height, width), averaged when smaller; vectors scale with the size."""
    height, width = flow.shape[-2:]
    if (height, width) == size:
        return flow
    resized = F.interpolate(flow, size=size, mode="bilinear", align_corners=False, antialias=True)
    scale = flow.new_tensor([size[1] / width, size[0] / height]).view(1, 2, 1, 1)
    return resized * scale


def resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Mask `(N, 1, H, W)` at another `size`; a pixel stays 1 only where everything under it was visible."""
    if mask.shape[-2:] == size:
        return mask
    resized = F.interpolate(mask.float(), size=size, mode="bilinear", align_corners=False, antialias=True)
    return (resized > 0.999).to(mask.dtype)


def inside_frame(flow: Tensor) -> Tensor:
    """1 where `p + flow(p)` lies in the frame, `(N, 1, H, W)`."""
    height, width = flow.shape[-2:]
    x, y = _targets(flow)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return inside[:, None].to(flow.dtype)


def motion_boundaries(flow: Tensor) -> Tensor:
    """1 where the flow has an edge: `|∇u|² + |∇v|² > 0.01 |flow|² + 0.002` (Sundaram et al., ECCV 2010, eq. 6).

    Forward differences; the last row and column repeat their neighbor's.
    """
    dx = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1, 0, 0), mode="replicate") if flow.shape[-1] > 1 else 0 * flow
    dy = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1), mode="replicate") if flow.shape[-2] > 1 else 0 * flow
    gradient = (dx**2 + dy**2).sum(1, keepdim=True)
    return (gradient > 0.01 * (flow**2).sum(1, keepdim=True) + 0.002).to(flow.dtype)


def consistent(flow: Tensor, reverse: Tensor) -> Tensor:
    """1 where the flow back ends where the flow began: `|f + r̃|² ≤ 0.01 (|f|² + |r̃|²) + 0.5`, `(N, 1, H, W)`.

    `r̃` is the reverse flow fetched along f (Sundaram et al., ECCV 2010, eq. 5).
    """
    fetched = warp(reverse, flow)
    gap = ((flow + fetched) ** 2).sum(1, keepdim=True)
    allowed = 0.01 * ((flow**2).sum(1, keepdim=True) + (fetched**2).sum(1, keepdim=True)) + 0.5
    return (gap <= allowed).to(flow.dtype)


def visibility_mask(flow: Tensor, reverse: Tensor) -> Tensor:
    """1 where a pixel of a can be traced into b: seen in both, inside the frame, off motion boundaries.

    `flow` is a→b, `reverse` b→a, both `(N, 2, H, W)` in pixels; the mask lives on a's pixels. A pixel is occluded
    where forward and backward flow are not `consistent`.
    """
    return consistent(flow, reverse) * inside_frame(flow) * (1 - motion_boundaries(flow))
