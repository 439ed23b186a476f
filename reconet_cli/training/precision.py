"""The number format of training arithmetic."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

from reconet_cli.training.checkpoint import read_checkpoint


def choose_precision(name: str, device: torch.device, checkpoint: Path | None) -> str:
    """`fp32`, `bf16` or `fp16`; `auto` keeps a checkpoint's choice, else takes the faster one on this device.

    CPUs may have bf16 instructions and still be slower with them, so a short convolution is timed there. Raises
    `TrainingError` for a damaged checkpoint.
    """
    if name != "auto":
        return name
    if checkpoint is not None:
        saved: str = read_checkpoint(checkpoint)["settings"]["precision"]
        return saved
    if device.type == "cuda":
        with torch.cuda.device(device):
            # Older GPUs emulate bf16, which is slow.
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return min(("fp32", "bf16"), key=_convolution_seconds) if device.type == "cpu" else "fp32"


def _convolution_seconds(precision: str) -> float:
    layer = nn.Conv2d(64, 64, 3, padding=1)
    image = torch.rand(4, 64, 64, 64).to(memory_format=torch.channels_last)
    runs = []
    for _ in range(5):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            layer(image).float().sum().backward()
        runs.append(time.perf_counter() - start)
    return min(runs)
