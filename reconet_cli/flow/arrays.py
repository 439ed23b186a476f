"""Flow, warping and visibility on frames as people have them: numpy arrays or PyTorch tensors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from reconet_cli import warping

Array = TypeVar("Array", np.ndarray, Tensor)


def warp(image: Array, flow: Array) -> Array:
    """Bring `image`, which is b, onto a: sample it bilinearly at `p + flow(p)`, with the flow a→b in pixels.

    numpy: a frame `(H, W, C)` and a flow `(2, H, W)`, x first, as `estimate_flow` gives it; the result has the frame's
    type. PyTorch: `(N, C, H, W)` and `(N, 2, H, W)`. Outside the frame the border's color continues.

    >>> import numpy as np
    >>> import reconet_cli as reconet
    >>> frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    >>> bool((reconet.warp(frame, np.zeros((2, 2, 2), np.float32)) == frame).all())
    True
    """
    if isinstance(image, Tensor):
        return warping.warp(image, flow)
    values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    moved = warping.warp(values.float(), torch.from_numpy(flow)[None])[0].permute(1, 2, 0).numpy()
    return (moved.round() if np.issubdtype(image.dtype, np.integer) else moved).astype(image.dtype)


def visibility(forward: Array, backward: Array) -> Array:
    """Which pixels of a can be found in b: 1 if visible, 0 if occluded, out of the frame, or on a motion boundary.

    `forward` is the flow a→b, `backward` b→a, in pixels. numpy: `(2, H, W)` gives `(H, W)`; PyTorch: `(N, 2, H, W)`
    gives `(N, 1, H, W)`. Sundaram et al., ECCV 2010, eq. 5.
    """
    if isinstance(forward, Tensor):
        return warping.visibility_mask(forward, backward)
    return warping.visibility_mask(torch.from_numpy(forward)[None], torch.from_numpy(backward)[None])[0, 0].numpy()
