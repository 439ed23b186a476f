"""Converted models are kept: later starts are quick and the same; whatever happens to the cache, painting goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.engines import load_engine
from reconet_cli.engines.openvino import engine as openvino_engine
from reconet_cli.engines.openvino import model as openvino_model
from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights
from reconet_cli.system.caches import Cache
from reconet_cli.system.folders import cache_folder

openvino = pytest.importorskip("openvino")


@pytest.fixture
def style(tmp_path: Path) -> Path:
    torch.manual_seed(2)
    path = tmp_path / "fast.safetensors"
    save_weights(path, ReCoNet(NetworkConfig("fast", (8, 12, 16), 1)), {})
    return path


@pytest.fixture(autouse=True)
def small_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """int8 is calibrated on frames of the size that is painted here, so that no second model is needed for that."""
    monkeypatch.setattr(openvino_model, "SMALL", (32, 40))


def frame(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return cv2.resize(coarse, (40, 32), interpolation=cv2.INTER_CUBIC)


def load(style: Path, **options: str):
    return load_engine(str(style), height=32, width=40, backend="openvino", device="cpu", **options)


def entries() -> list[Path]:
    return sorted(path for path in cache_folder("models").iterdir())


def test_kept_models_paint_the_same_and_others_are_not_taken_for_them(style):
    first = {precision: load(style, precision=precision)(frame()) for precision in ("fp32", "int8")}
    kept = entries()
    assert len(kept) == 2
    for precision, painted in first.items():
        assert np.array_equal(load(style, precision=precision)(frame()), painted)
    assert entries() == kept
    load_engine(str(style), height=48, width=40, backend="openvino", device="cpu", precision="fp32")
    assert len(entries()) == 3
    torch.manual_seed(3)
    save_weights(style, ReCoNet(NetworkConfig("fast", (8, 12, 16), 1)), {})
    assert not np.array_equal(load(style, precision="fp32")(frame()), first["fp32"])


def test_a_damaged_model_is_made_again(style):
    first = load(style, precision="fp32")(frame())
    (entry,) = entries()
    (entry / "model.xml").write_text("<net")
    assert np.array_equal(load(style, precision="fp32")(frame()), first)
    (entry / "model.bin").unlink()
    assert np.array_equal(load(style, precision="fp32")(frame()), first)
    weights = bytearray((entry / "model.bin").read_bytes())
    weights[len(weights) // 2 :: 4] = bytes(len(weights[len(weights) // 2 :: 4]))  # it loads as well as before
    (entry / "model.bin").write_bytes(weights)
    assert np.array_equal(load(style, precision="fp32")(frame()), first)


def test_nothing_is_kept_where_nothing_can_be_written(style, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECONET_CACHE", str(tmp_path / "file"))
    assert load(style, precision="fp32")(frame()).shape == (32, 40, 3)


def test_a_cache_that_is_only_read_is_used(style, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError("read-only")

    first = load(style, precision="fp32")(frame())
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Cache, "write", lambda *_: pytest.fail("converted again"))
    assert np.array_equal(load(style, precision="fp32")(frame()), first)


def test_int8_that_drifts_is_not_taken(style, monkeypatch):
    if "INT8" not in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no int8 instructions")
    monkeypatch.setattr(openvino_engine, "LEAST_AGREEMENT", 98.0)
    engine = load(style)
    assert engine.precision in ("fp32", "bf16")
    monkeypatch.setattr(openvino_model, "calibration_frames", lambda: pytest.fail("the refusal was not remembered"))
    assert load(style).precision in ("fp32", "bf16")


def test_a_second_start_needs_no_pytorch_and_none_reports_to_anybody(style, tmp_path):
    cv2.imwrite(str(tmp_path / "in.png"), frame())
    code = (
        "import sys; from reconet_cli.cli import run;"
        "code = run(['stylize', *sys.argv[1:], '-y', '--device', 'cpu']);"
        "print('torch' in sys.modules, any(name.startswith('openvino_telemetry.') for name in sys.modules));"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--style", str(style)]
    seen = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)]
    assert seen == [["True", "False"], ["False", "False"]]


def test_a_signal_after_an_engine_was_given_up_elsewhere_does_not_kill(style):
    load(style, precision="fp32")  # kept, for a quick start
    code = (
        "import faulthandler, signal, sys, threading; from reconet_cli.engines import load_engine;"
        "faulthandler.enable();"  # with a signal stack of its own, as debuggers and test runners have
        "engines = [load_engine(sys.argv[1], height=32, width=40, backend='openvino', device='cpu', precision='fp32')];"
        "thread = threading.Thread(target=engines.clear); thread.start(); thread.join();"
        "signal.signal(signal.SIGINT, lambda *_: print('told'));"
        "signal.raise_signal(signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(style)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "told\n"), done.stderr
