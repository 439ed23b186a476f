"""--threads: how many cores a job uses, with everything that it starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from reconet_cli.cli import run
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights

# Paints, and says how many cores the process has, a child of it, PyTorch, and how many frames are painted at once.
CODE = """
import os, subprocess, sys
import numpy as np
from reconet_cli.commands.bench import command
from reconet_cli.engines import load_engine
command.make_context("bench", ["--threads", sys.argv[2]])
engine = load_engine(sys.argv[1], height=16, width=16, backend=sys.argv[3], device="cpu", precision="fp32")
engine(np.zeros((16, 16, 3), np.uint8))
count = "import os; print(len(os.sched_getaffinity(0)))"
child = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True).stdout.strip()
import torch
print(len(os.sched_getaffinity(0)), child, torch.get_num_threads() if sys.argv[3] == "torch" else 0, engine.concurrency)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not hold processes to cores")
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_everything_keeps_to_the_cores(tmp_path, backend):
    torch.manual_seed(0)
    style = tmp_path / "fast.safetensors"
    save_weights(style, ReCoNet(NetworkConfig("fast", (4, 6, 8), 1)), {})
    command = [sys.executable, "-c", CODE, str(style), "1", backend]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == ["1", "1", "1" if backend == "torch" else "0", "1"]


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_no_number_of_cores_is_wrong_use(number, capsys):
    assert run(["stylize", "in.mp4", "out.mp4", "--style", "mosaic", "--threads", number]) == 2
    assert "--threads" in capsys.readouterr().err
