"""RAFT (Teed and Deng, ECCV 2020) of torchvision, which is an optional extra."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reconet_cli.errors import FlowError

# The network works on an eighth of the size, and looks there at 16 px or more.
_STEP = 8
_SMALLEST_SIDE = 128


def torchvisions() -> tuple[Callable[..., nn.Module], Any]:
    """What makes the network, and which weights it is to have. Raises ImportError where torchvision is not there."""
    from torchvision.models.optical_flow import Raft_Large_Weights, raft_large

    return raft_large, Raft_Large_Weights.DEFAULT


@lru_cache(maxsize=1)
def load() -> tuple[nn.Module, torch.device]:
    """RAFT (large) with torchvision's default weights, and its device: CUDA where there is one, else the CPU.

    The weights are downloaded when they are used for the first time. Raises `FlowError` where torchvision or they
    cannot be had.
    """
    try:
        raft_large, weights = torchvisions()
    except (ImportError, RuntimeError) as problem:  # RuntimeError: a torchvision that was built for another torch
        raise FlowError(
            f"raft needs torchvision, which cannot be imported ({problem})", "install reconet's extra `flow`"
        ) from problem
    try:
        network = raft_large(weights=weights, progress=False)
    except (OSError, RuntimeError) as problem:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise FlowError(
            f"the weights of raft cannot be loaded: {problem}", f"put {weights.url} into {folder}"
        ) from problem
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return network.eval().to(device), device


def estimate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Flow a→b as float32 `(2, H, W)` in pixels, from RGB uint8 frames `(H, W, 3)` of one size and any size."""
    network, device = load()
    height, width = a.shape[:2]
    top, left = _border(height)[0], _border(width)[0]
    with torch.inference_mode():
        # The network gives its refinements one after the other; the last is the best.
        flow: Tensor = network(_prepared(a).to(device), _prepared(b).to(device))[-1][0]
    cut: np.ndarray = flow[:, top : top + height, left : left + width].float().cpu().contiguous().numpy()
    return cut


def _border(side: int) -> tuple[int, int]:
    """How much is added before and behind a side."""
    missing = max(_SMALLEST_SIDE, -(-side // _STEP) * _STEP) - side
    return missing // 2, missing - missing // 2


def _prepared(frame: np.ndarray) -> Tensor:
    """`(1, 3, H', W')` in [-1, 1], the frame in the middle and its border continued."""
    padded = np.pad(frame, (_border(frame.shape[0]), _border(frame.shape[1]), (0, 0)), mode="edge")
    return torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 127.5 - 1
