"""Training: exact pairs, a loss that falls, checkpoints that continue bit for bit, a command that can be stopped."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import forks
import numpy as np
import pytest
import torch
from processes import PATIENCE, until

from reconet_cli.errors import TrainingError
from reconet_cli.model.weights import load_weights, read_metadata
from reconet_cli.training.data import photographs
from reconet_cli.training.data.clips import Clips
from reconet_cli.training.data.photographs import moving_pair
from reconet_cli.training.data.sources import find_files, read_picture
from reconet_cli.training.synthetic import scenes
from reconet_cli.warping import warp


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Smooth colorful noise, uint8 RGB."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write(path: Path, picture: np.ndarray) -> Path:
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    """A style picture, four photographs and a tiny loss network."""
    from tests.test_model import distilled_arrays

    write(tmp_path / "style.png", texture(96, 128, 99))
    (tmp_path / "photos").mkdir()
    for seed in range(4):
        write(tmp_path / "photos" / f"{seed}.jpg", texture(100, 130, seed))
    np.savez(tmp_path / "loss.npz", **distilled_arrays())
    return tmp_path


def arguments(studio: Path, output: str, *more: str) -> list[str]:
    return [
        "train", "--style", str(studio / "style.png"), "--data", str(studio / "photos"),
        "--loss-network", str(studio / "loss.npz"), "-o", str(studio / output), "--size", "64", "--batch", "1",
        "--style-scale", "0.1", "--init", "none", "-y", "--precision", "fp32", "--device", "cpu",
        "--workers", "0", "--scenes", "0", *more,
    ]  # fmt: skip


def reconet(*args: str) -> int:
    from reconet_cli.cli import run

    return run(list(args))


@pytest.fixture
def plain_light(monkeypatch):
    """No change of light and no camera noise, so that frames can be compared."""
    for module in (photographs, scenes):
        monkeypatch.setattr(module, "change_light", lambda previous, current, generator: (previous, current))
        monkeypatch.setattr(module, "camera_noise", lambda previous, current, generator: (previous, current))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("plain_light")
def test_synthetic_motion_is_exact(seed):
    photo = torch.from_numpy(texture(120, 160, seed)).permute(2, 0, 1).float() / 255
    pair = moving_pair(photo, 96, torch.Generator().manual_seed(seed))
    error = ((warp(pair.previous, pair.flow) - pair.current).abs() * pair.mask).mean()
    assert error < 0.006
    assert pair.flow.isfinite().all()
    assert pair.mask.mean() > 0.6


def test_synthetic_motion_moves():
    photo = torch.from_numpy(texture(120, 160, 5)).permute(2, 0, 1).float() / 255
    pairs = [moving_pair(photo, 96, torch.Generator().manual_seed(s)) for s in range(30)]
    lengths = [pair.flow.norm(dim=1).mean().item() for pair in pairs]
    assert max(lengths) > 4
    assert min(lengths) == 0, "fixed cameras are among them"


def test_training_makes_a_style_that_paints(studio):
    assert reconet(*arguments(studio, "out", "--steps", "30", "--scenes", "0.1")) == 0
    curve = [json.loads(line) for line in (studio / "out/run/fast/losses.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in curve] == list(range(1, 31))
    style = [entry["style"] for entry in curve]
    assert np.mean(style[-5:]) < 0.8 * np.mean(style[:5])
    network = load_weights(studio / "out/fast.safetensors")
    assert network(torch.rand(1, 3, 40, 56)).shape == (1, 3, 40, 56)
    recipe = read_metadata(studio / "out/fast.safetensors")["recipe"]
    assert recipe["settings"]["steps"] == 30
    assert set(recipe["held_out_losses"]) == {
        "content",
        "style",
        "tone",
        "color",
        "variation",
        "feature_temporal",
        "output_temporal",
        "perceptual",
    }
    card = json.loads((studio / "out/card.json").read_text())
    assert card["name"] == "out"
    assert card["variants"]["fast"]["settings"]["steps"] == 30
    assert 0 < card["variants"]["fast"]["temporal_error"]["source"] < 1
    assert read_picture(studio / "out/preview.jpg").shape[2] == 3


@pytest.mark.parametrize("taught", [False, True])
def test_resumed_run_equals_an_unbroken_one(studio, monkeypatch, taught):
    from reconet_cli.training.data import mixture as module

    more = ["--steps", "6"]
    if taught:
        assert reconet(*arguments(studio, "first", "--steps", "5")) == 0
        more += ["--init", str(studio / "first"), "--norm", "frn"]
    assert reconet(*arguments(studio, "whole", *more)) == 0
    real = module.sample_batch

    def stop_at_three(sources, settings, step, part):
        if step == 3:  # without workers, batches are made in this process
            signal.raise_signal(signal.SIGINT)
        return real(sources, settings, step, part)

    monkeypatch.setattr(module, "sample_batch", stop_at_three)
    assert reconet(*arguments(studio, "parts", *more)) == 130
    assert not (studio / "parts/fast.safetensors").exists()
    monkeypatch.setattr(module, "sample_batch", real)
    with (studio / "parts/run/fast/losses.jsonl").open("a") as curve:
        curve.write('{"step": 5}\n')  # as after a kill between checkpoints
    assert reconet(*arguments(studio, "parts", *more, "--resume")) == 0
    whole, parts = (load_weights(studio / name / "fast.safetensors").state_dict() for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    losses = [(studio / name / "run/fast/losses.jsonl").read_text() for name in ("whole", "parts")]
    assert losses[0] == losses[1]


def test_a_run_can_begin_with_another_styles_weights(studio):
    assert reconet(*arguments(studio, "first", "--steps", "20")) == 0
    again = [*arguments(studio, "second", "--steps", "1"), "--init", str(studio / "first")]
    assert reconet(*again) == 0
    starts = [
        json.loads((studio / name / "run/fast/losses.jsonl").read_text().splitlines()[0])
        for name in ("first", "second")
    ]
    assert starts[1]["style"] < 0.9 * starts[0]["style"]
    assert json.loads((studio / "second/card.json").read_text())["variants"]["fast"]["start"]["settings"]["steps"] == 20


def test_a_run_can_learn_from_another_networks_paintings(studio, capsys):
    assert reconet(*arguments(studio, "first", "--steps", "20")) == 0
    again = [*arguments(studio, "second", "--steps", "24", "--variant", "paper-small"), "--init", str(studio / "first")]
    capsys.readouterr()
    assert reconet(*again) == 0
    assert "from first/fast" in capsys.readouterr().err
    assert reconet(*arguments(studio, "alone", "--steps", "24", "--variant", "paper-small")) == 0
    frames = torch.from_numpy(np.stack([texture(96, 128, seed) for seed in range(2)])).permute(0, 3, 1, 2) / 255
    first, second, alone = (
        load_weights(studio / name)(frames)
        for name in ("first/fast.safetensors", "second/paper-small.safetensors", "alone/paper-small.safetensors")
    )
    assert (second - first).square().mean() < 0.7 * (alone - first).square().mean()


def test_ctrl_c_saves_a_checkpoint(studio):
    command = [sys.executable, "-m", "reconet_cli", *arguments(studio, "out", "--steps", "100000")]
    process = forks.Popen(command, stderr=subprocess.PIPE, text=True, modules=forks.TRAINING)
    curve = studio / "out/run/fast/losses.jsonl"
    until(curve.exists, process)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "--resume" in shown
    assert "Traceback" not in shown
    assert (studio / "out/run/fast/checkpoint.pt").exists()


def test_checkpoint_of_other_settings_is_refused(studio, capsys):
    assert reconet(*arguments(studio, "out", "--steps", "1")) == 0
    assert reconet(*arguments(studio, "out", "--steps", "2", "--content-weight", "9", "--resume")) == 1
    assert "steps, weights" in capsys.readouterr().err


def test_damaged_checkpoint_gives_a_message(studio, capsys):
    work = studio / "out/run/fast"
    work.mkdir(parents=True)
    (work / "checkpoint.pt").write_bytes(b"PK\x03\x04 nonsense")
    for precision in ("fp32", "auto"):
        assert reconet(*arguments(studio, "out", "--resume", "--precision", precision)) == 1
        assert "checkpoint" in capsys.readouterr().err


def test_data_without_pictures_gives_a_message(studio, capsys):
    (studio / "empty").mkdir()
    command = arguments(studio, "out", "--steps", "1")
    command[command.index(str(studio / "photos"))] = str(studio / "empty")
    assert reconet(*command) == 1
    assert "no pictures or clips" in capsys.readouterr().err


def test_clips_train_too_and_damaged_ones_are_named(studio, clip, capsys):
    (studio / "photos/broken.mp4").write_bytes(b"no clip")
    command = [*arguments(studio, "out", "--steps", "4"), "--data", str(clip)]
    assert reconet(*command) == 0
    shown = capsys.readouterr().err
    assert "4 pictures and 2 clips" in shown
    assert "left out broken.mp4" in shown
    assert (studio / "out/fast.safetensors").exists()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames of a texture that slides 5 px a frame to the left."""
    from reconet_cli.video.ffmpeg.locate import find_ffmpeg

    scene = texture(120, 300, 8)
    frames = b"".join(np.ascontiguousarray(scene[:, 5 * i : 5 * i + 160]).tobytes() for i in range(12))
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "160x120", "-r", "25", "-i", "-"]
    lossless = ["-c:v", "libx264", "-qp", "4", "-pix_fmt", "yuv420p"]
    command = [find_ffmpeg(), "-loglevel", "error", *raw, *lossless, str(tmp_path / "slide.mp4")]
    subprocess.run(command, input=frames, check=True)
    return tmp_path / "slide.mp4"


def test_clip_pairs_carry_their_motion(clip):
    clips = Clips([clip], 64)
    assert len(clips) > 0
    for seed in range(6):
        pair = clips.sample(64, torch.Generator().manual_seed(seed))
        moved = warp(pair.previous, pair.flow)
        seen = pair.mask.mean()
        assert seen > 0.5
        error = ((moved - pair.current).abs() * pair.mask).mean() / seen
        still = ((pair.previous - pair.current).abs() * pair.mask).mean() / seen
        assert error < 0.3 * still


def test_picture_that_is_none_gives_a_message(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"x\.jpg is no picture"):
        read_picture(tmp_path / "x.jpg")


def test_files_are_found_in_folders_and_by_name(studio):
    found = find_files([studio / "photos", studio / "photos/1.jpg"], frozenset({".jpg"}))
    assert [path.name for path in found] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
