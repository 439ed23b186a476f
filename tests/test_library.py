"""The Python library: its names, its examples, and that it says nothing by itself."""

import doctest
import importlib
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import IDENTITY

import reconet_cli as reconet
from reconet_cli.errors import EngineError

ROOT = Path(__file__).parents[1]
EXAMPLES = (
    "training.learning", "evaluation.evaluate", "exporting.export", "flow.estimate", "flow.arrays",
    "video.open_video", "stylizing.deflicker.clips", "stylizing.frames", "stylizing.stylize", "training.train",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick_start(shared_cache, monkeypatch):
    """No style is prepared twice."""
    monkeypatch.setenv("RECONET_CACHE", str(shared_cache))


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings(module, clip, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "in.mp4")
    cv2.imwrite("picture.png", np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8))
    failed, tried = doctest.testmod(importlib.import_module(f"reconet_cli.{module}"))
    assert tried
    assert not failed, capfd.readouterr().out


def test_every_name_is_there():
    for name in reconet.__all__:
        assert getattr(reconet, name) is not None
    with pytest.raises(AttributeError):
        reconet.no_such_name  # noqa: B018


def test_importing_is_light():
    heavy = "{'torch', 'cv2', 'openvino', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"import sys, reconet_cli; sys.exit(len({heavy}))"], check=False)
    assert done.returncode == 0


def test_the_example_runs(tools, tmp_path, monkeypatch, capsys):
    """As `python examples/library.py` runs it, in a process that has loaded PyTorch before."""
    clip = tools.clip("example.mp4", seconds=0.2)
    monkeypatch.setattr(sys, "argv", ["library.py", str(clip), str(tmp_path / "out")])
    runpy.run_path(str(ROOT / "examples/library.py"), run_name="__main__")
    assert (tmp_path / "out/painted.mp4").exists()
    assert "mosaic.onnx" in capsys.readouterr().out


def test_nothing_is_printed(identity, clip, tmp_path, capfd):
    done = []
    reconet.stylize(clip, tmp_path / "out.mp4", style=IDENTITY, progress=lambda *numbers: done.append(numbers))
    assert capfd.readouterr() == ("", "")
    assert done == [(number, 25) for number in range(26)]


def test_frames_batches_and_tensors(identity):
    style = reconet.load_style(IDENTITY)
    batch = np.random.default_rng(0).integers(0, 65536, (3, 8, 12, 3)).astype(np.uint16)
    assert np.array_equal(style(batch), batch)
    tensor = torch.zeros(8, 12, 3, dtype=torch.uint8)
    assert isinstance(style(tensor), torch.Tensor)
    for wrong in (batch.astype(np.float32), batch[..., 0], "frame.png"):
        with pytest.raises(EngineError):
            style(wrong)


def test_frames_are_painted_when_they_are_asked_for(identity, clip):
    with reconet.open_video(clip, start=0.2, duration=0.4) as video:
        assert video.size == (96, 64)
        assert [track.kind for track in video.tracks] == ["video", "audio"]
        painted = reconet.stylize_frames(video, IDENTITY, strength=0.5)
        assert next(painted).time == 0
        assert len(list(painted)) == 9


def test_warping_agrees_with_slicing():
    frame = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    flow = np.zeros((2, 20, 30), np.float32)
    flow[0] = 4
    assert np.array_equal(reconet.warp(frame, flow)[:, :-4], frame[:, 4:])
    visible = reconet.visibility(flow, -flow)
    assert visible.shape == (20, 30)
    assert visible[:, :25].all()
    assert not visible[:, 27:].any()
