"""Which device PyTorch runs on."""

from __future__ import annotations

import torch

from reconet_cli.errors import EngineError


def choose_device(name: str, local_rank: int | None = None) -> torch.device:
    """The device of a name (`cpu`, `cuda`, `cuda:1`, `mps`), or with `auto` the best there is.

    Processes that share a machine take one CUDA device each, by `local_rank`. Raises `EngineError` for a device that
    this machine does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return _own_gpu(local_rank or 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None and local_rank is not None:
            return _own_gpu(local_rank)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as problem:
        raise EngineError(
            f"device {name!r} cannot be used", "cpu always works; --device auto picks for you"
        ) from problem
    return device


def _own_gpu(local_rank: int) -> torch.device:
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise EngineError(
            f"process {local_rank + 1} on this machine has no GPU of its own: there are {count}",
            f"torchrun --nproc-per-node {count}, or --device cpu",
        )
    return torch.device("cuda", local_rank)
