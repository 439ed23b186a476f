"""Training squares cut from larger frame pairs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reconet_cli.model.tensors import to_tensor
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.warping import inside_frame


def random_crop(
    frames: tuple[np.ndarray, np.ndarray], flow: Tensor, mask: Tensor, size: int, generator: torch.Generator
) -> FramePairs:
    """A random square of a pair, mirrored half of the time.

    `frames` are previous and current, uint8 `(H, W, 3)`, neither side below `size`; `flow` is current→previous
    `(1, 2, H, W)` in pixels, `mask` `(1, 1, H, W)`.
    """
    height, width = flow.shape[-2:]
    top, left = (int(torch.randint(side - size + 1, (), generator=generator)) for side in (height, width))
    rows, columns = slice(top, top + size), slice(left, left + size)
    previous, current = (to_tensor(frame[rows, columns])[None] for frame in frames)
    flow, mask = flow[:, :, rows, columns].float(), mask[:, :, rows, columns].float()
    if torch.rand((), generator=generator) < 0.5:
        previous, current, flow, mask = (t.flip(3) for t in (previous, current, flow, mask))
        flow[:, 0] *= -1
    # The whole frame's mask knows nothing of what the cut leaves out.
    return FramePairs(previous, current, flow, mask * inside_frame(flow))
