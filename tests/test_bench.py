"""`reconet bench`: figures that say what happened."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import PATIENCE

from reconet_cli.cli import run
from reconet_cli.diagnosis import networks as network
from reconet_cli.diagnosis import stages
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights
from reconet_cli.video.request import Request


class Slow:
    """An engine that takes a while for a frame."""

    description, precision, concurrency = "slow", "none", 2
    seconds = 0.1

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds)
        return frame


def test_the_slowest_stage_is_named(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "load_engine", lambda style, **options: Slow())
    clip = tools.clip("twelve.mp4", size="64x48", seconds=0.48, sound=())
    profile = stages.profile(Request(str(clip), str(tmp_path / "out.mp4")), "any")
    assert profile.frames == 12
    assert (tmp_path / "out.mp4").exists()
    assert profile.limit == "paint"
    # On a busy machine everything takes longer, but nothing takes less than it does.
    assert profile.seconds >= 0.6
    assert profile.paint * profile.seconds >= 0.6
    assert profile.rate == pytest.approx(12 / profile.seconds)
    assert max(profile.decode, profile.paint, profile.encode) <= 1


def test_lanes_count_in_the_network_alone(monkeypatch):
    monkeypatch.setattr(network, "ROUND", 0.0)  # two frames a round
    meet = threading.Barrier(2)

    class Pair(Slow):
        def __call__(self, frame: np.ndarray) -> np.ndarray:
            meet.wait(PATIENCE)  # raises where no second lane comes
            return super().__call__(frame)

    class Single(Slow):
        concurrency, inside = 1, 0

        def __call__(self, frame: np.ndarray) -> np.ndarray:
            self.inside += 1
            assert self.inside == 1
            super().__call__(frame)
            self.inside -= 1
            return frame

    monkeypatch.setattr(Slow, "seconds", 0.01)
    rates = network.frames_per_second({"two": Pair(), "one": Single()}, np.zeros((8, 8, 3), np.uint8))
    assert 0 < rates["two"] <= 200
    assert 0 < rates["one"] <= 100


@pytest.fixture
def style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    torch.manual_seed(2)
    (tmp_path / "styles/tiny").mkdir(parents=True)
    save_weights(tmp_path / "styles/tiny/fast.safetensors", ReCoNet(NetworkConfig("fast", (4, 6, 8), 1)), {})
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path / "styles"))
    monkeypatch.setattr(network, "ROUND", 0.05)
    return "tiny"


def test_the_command_measures_and_compares(style, capsys):
    arguments = ["bench", "--style", style, "--size", "96x64", "--precision", "fp32", "--against", "eager"]
    assert run([*arguments, "--device", "cpu", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["style"] == "tiny"
    assert row["size"] == "96x64"
    assert "OpenVINO" in row["engine"]
    assert min(row["network_fps"], row["eager_fps"], row["end_to_end_fps"], row["cores"]) > 0
    assert all(0 <= share <= 1 for share in row["stages"].values())
    assert row["limit"] in row["stages"]


def test_limits_are_said(style, capsys):
    arguments = ["bench", "--style", style, "--size", "96x64", "--precision", "fp32", "--device", "cpu", "--limits"]
    assert run([*arguments, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    for share in row["limits"].values():
        assert share["reached"] > 0
        assert share["most"] > 0
    # The 6×6 stem, two strided 3×3, the block's two 3×3, the transposed 4×4 twice (of 8×12 and 16×24 with a
    # border), the head's 3×3.
    stem, down, block = 3 * 36 * 4 * 32 * 48, 9 * (4 * 6 * 16 * 24 + 6 * 8 * 8 * 12), 2 * 9 * 8 * 8 * 8 * 12
    up, head = 16 * (8 * 6 * 10 * 14 + 6 * 4 * 18 * 26), 9 * 4 * 12 * 32 * 48
    assert row["limits"]["arithmetic"]["reached"] * 1e9 / row["network_fps"] == pytest.approx(
        stem + down + block + up + head, rel=1e-3
    )
    assert set(row["core_ms"]) == {"decoder", "encoder", "own"}
    assert min(row["core_ms"].values()) >= 0


def test_limits_of_another_engine_are_not_made_up(style, capsys):
    assert run(["bench", "--style", style, "--size", "96x64", "--engine", "torch", "--device", "cpu", "--limits"]) == 1
    assert "limits of fast · PyTorch cpu fp32 are not known" in capsys.readouterr().err


def test_an_unknown_style_gives_a_message(capsys):
    assert run(["bench", "--style", "nothing"]) == 1
    assert "no style 'nothing'" in capsys.readouterr().err
