"""The state that training continues from, on disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from reconet_cli.errors import TrainingError
from reconet_cli.system.files import replacing

_PARTS = {
    "settings",
    "inputs",
    "step",
    "seconds",
    "content_powers",
    "network",
    "average",
    "optimizer",
    "scaler",
    "schedule",
}


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state; the old one stays until the new one is complete on disk. Raises `TrainingError`."""
    content = io.BytesIO()  # PyTorch's own writer has no words for a full disk
    torch.save(state, content)
    with replacing(path, TrainingError) as part:
        part.write_bytes(content.getbuffer())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state that `write_checkpoint` wrote. Raises `TrainingError` for anything else."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if missing := _PARTS - state.keys():
            raise ValueError(f"{', '.join(sorted(missing))} missing")
    except Exception as problem:  # torch's reader raises many types on damaged files
        raise TrainingError(f"{path} is no checkpoint: {problem}", "remove it and train without --resume") from problem
    return state
