"""`reconet bench`: figures that say what happened."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from reconet_cli.cli import run
from reconet_cli.media.request import Request
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights
from reconet_cli.speed import network, stages


class Slow:
    """An engine that takes 20 ms a frame on each of two lanes."""

    description, precision, lanes = "slow", "none", 2

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        time.sleep(0.02)
        return frame


def test_the_slowest_stage_is_named(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "load_engine", lambda style, **options: Slow())
    clip = tools.clip("ten-seconds.mp4", size="64x48", seconds=4, sound=())
    profile = stages.profile(Request(str(clip), str(tmp_path / "out.mp4")), "any")
    assert profile.frames == 100
    assert (tmp_path / "out.mp4").exists()
    assert profile.limit == "paint"
    assert profile.paint > 0.75
    assert 50 < profile.rate < 101, "two lanes of 20 ms make a hundred frames a second at most"


def test_lanes_count_in_the_network_alone(monkeypatch):
    monkeypatch.setattr(network, "_ROUND", 0.2)
    frame = np.zeros((8, 8, 3), np.uint8)
    one = Slow()
    one.lanes = 1
    rates = network.frames_per_second({"two": Slow(), "one": one}, frame)
    assert rates["two"] == pytest.approx(100, rel=0.3)
    assert rates["one"] == pytest.approx(50, rel=0.3)


@pytest.fixture
def style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    torch.manual_seed(2)
    (tmp_path / "styles/tiny").mkdir(parents=True)
    save_weights(tmp_path / "styles/tiny/fast.safetensors", ReCoNet(NetworkConfig("fast", (4, 6, 8), 1)), {})
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path / "styles"))
    monkeypatch.setattr(network, "_ROUND", 0.05)
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


def test_an_unknown_style_gives_a_message(capsys):
    assert run(["bench", "--style", "nothing"]) == 1
    assert "no style 'nothing'" in capsys.readouterr().err
