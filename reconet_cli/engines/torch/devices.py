"""Which device PyTorch runs on."""

from __future__ import annotations

import torch

from reconet_cli.errors import EngineError


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of a name (`cpu`, `cuda`, `cuda:1`, `mps`), or with `auto` the best there is.

    Processes that share a machine take one CUDA device each, by `local_rank`. Raises `EngineError` for a device that
    this machine does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", local_rank)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as problem:
        raise EngineError(
            f"device {name!r} cannot be used", "cpu always works; --device auto picks for you"
        ) from problem
    return device
