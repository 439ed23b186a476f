"""The warping error of Lai et al., Learning Blind Video Temporal Consistency (ECCV 2018, section 4.2)."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from reconet_cli.evaluation.measures.temporal import as_tensor
from reconet_cli.warping import consistent, warp


def warping_error(earlier: np.ndarray, later: np.ndarray, flow: Tensor, mask: Tensor) -> float:
    """`E_warp = 1/Σ M · Σ M·‖O_t − W(O_{t+1})‖²` of two uint8 frames `(H, W, 3)`, pixels in [0, 1].

    `flow` is earlier→later, `(1, 2, H, W)` in pixels, and brings the later frame onto the earlier one; `mask` is
    `unoccluded`. As in the authors' program, which the published figures come from, the sum in the denominator counts
    each of the three channels, so it is a mean over values; read with one count a pixel the formula gives three times
    as much. 0 where every pixel is occluded. A clip's error is the mean over its pairs.
    """
    gap = ((as_tensor(earlier) - warp(as_tensor(later), flow)) ** 2 * mask).sum().item()
    return gap / max(3 * mask.sum().item(), 1.0)


def unoccluded(flow: Tensor, reverse: Tensor) -> Tensor:
    """The mask M of Lai et al.: 1 where a pixel is not occluded and not on a motion boundary, `(1, 1, H, W)`.

    `flow` is a→b, `reverse` b→a, in pixels; M lives on a's pixels. Occluded: not `warping.consistent`. Boundary:
    `|∇u|² + |∇v|² > 0.01 |flow|² + 0.002`, by differences to the next pixel that are 0 in the last row and column.
    Unlike `warping.visibility_mask` it keeps pixels that leave the frame, as the authors do.
    """
    dx = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1, 0, 0))
    dy = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    gradient = (dx**2 + dy**2).sum(1, keepdim=True)
    smooth = gradient <= 0.01 * (flow**2).sum(1, keepdim=True) + 0.002
    return consistent(flow, reverse) * smooth
