"""What a run reads: pictures of any number and state, and the same ones again when it resumes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import forks
import numpy as np
import pytest
import torch
from flow_trees import sintel
from processes import PATIENCE, children, gone, until
from test_training_loop import arguments, entries, reconet, studio, with_photographs  # noqa: F401 - a fixture

from reconet_cli.errors import FlowError, TrainingError
from reconet_cli.training.cluster import Cluster
from reconet_cli.training.data.mixture import Reading, TrainingData, batches
from reconet_cli.training.data.photographs import PictureFiles
from reconet_cli.training.data.sources import read_picture
from reconet_cli.training.journal import Journal
from reconet_cli.training.preview import preview_frames
from reconet_cli.training.run import at_work
from reconet_cli.training.settings import TrainingFiles, TrainingSettings


def picture(path: Path, height: int = 60, width: int = 80) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = len(list(path.parent.iterdir())) * 10 % 250
    cv2.imwrite(str(path), np.full((height, width, 3), shade, np.uint8))
    return path


@pytest.mark.usefixtures("studio")
@pytest.mark.parametrize("other", ["picture", "data", "loss network", "weights to begin with"])
def test_a_checkpoint_goes_on_with_the_same_inputs_alone(studio, tmp_path, capsys, other):  # noqa: F811
    begin = with_photographs(studio, "--steps", "1", "-o", str(tmp_path / "start"))
    command = [*with_photographs(studio, "--steps", "1", "-o", str(tmp_path / "out")), "-y"]
    if other == "weights to begin with":
        assert reconet(*begin) == 0
    assert reconet(*command) == 0
    if other == "picture":
        shutil.copy(studio / "photos/a.png", studio / "waves.png")
    elif other == "data":
        picture(studio / "photos/more.png")
    elif other == "loss network":
        command += ["--loss-network", "compact"]
    else:
        command += ["--init", str(tmp_path / "start/fast.safetensors")]
    assert reconet(*command, "--resume") == 1
    assert f"made with other inputs: {other}\n" in capsys.readouterr().err


def test_a_torn_line_is_left_out_and_pictures_of_another_run_go(tmp_path):
    frames = torch.rand(2, 3, 8, 8)
    (tmp_path / "losses.jsonl").write_text('{"step": 1, "total": 2}\n{"step": 2, "total": 1}\n{"step": 3, "to')
    for step in (200, 400):
        Journal(tmp_path, 400, frames).preview(step, frames)
    journal = Journal(tmp_path, 200, frames)
    journal.losses(3, {"total": 0.5})
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert [path.name for path in tmp_path.glob("painted-*")] == ["painted-000200.jpg"]


def test_one_run_at_a_time(tmp_path):
    files = TrainingFiles(tmp_path / "x.jpg", (), "auto", None, tmp_path / "out", "fast")
    with at_work(files, Cluster()):
        with at_work(files, Cluster(1, 2)):  # another process of the same run
            pass
        with pytest.raises(TrainingError, match="another run"), at_work(files, Cluster(), patience=0):
            pass
    with at_work(files, Cluster(), patience=0):
        pass


def test_photographs_beyond_the_memory_are_read_when_they_are_wanted(tmp_path):
    files = [picture(tmp_path / f"{number:03d}.png") for number in range(130)]
    (tmp_path / "003.png").write_bytes(b"damaged")
    (tmp_path / "129.png").write_bytes(b"damaged")
    picture(tmp_path / "005.png", 20, 20)
    notes: list[str] = []
    found = PictureFiles(files, 64, note=notes.append, kept_bytes=1)
    assert len(found) == 62 + 66
    assert [note.partition(" is no")[0] for note in notes] == [f"left out: {tmp_path / '003.png'}"]
    assert np.array_equal(found[62], read_picture(files[64]))
    assert np.array_equal(found[127], found[62]), "the next one takes its place"
    with pytest.raises(KeyboardInterrupt):
        PictureFiles(files, 64, should_stop=lambda: True)
    for file in files:
        file.unlink()
    assert found[0].shape == (60, 80, 3)
    with pytest.raises(TrainingError, match="none of the pictures"):
        found[100]


def silent(notes: list[str]) -> Reading:
    return Reading(notes.append, lambda done, total: None, lambda: False)


def test_pictures_beside_a_data_set_count_and_hidden_files_do_not(tmp_path):
    sintel(tmp_path / "data/flow")
    for name in ("a.png", "b.png", "deeper/c.png", "._a.png", ".thumbnails/d.png"):
        picture(tmp_path / "data" / name)
    notes: list[str] = []
    data = TrainingData([tmp_path / "data"], TrainingSettings(size=64, scenes=0), silent(notes))
    assert "reading 3 pictures and 0 clips" in notes
    assert any("with true flow" in note for note in notes)
    assert len([share for share, _ in data.sources if share]) == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_flow_file_is_a_line(tmp_path, workers):
    sintel(tmp_path)
    settings = TrainingSettings(size=64, scenes=0)
    sources = TrainingData([tmp_path], settings, silent([])).sources
    for file in tmp_path.rglob("*.flo"):
        file.write_bytes(b"damaged")
    with pytest.raises(FlowError) as problem:
        next(batches(sources, settings, 0, workers, Cluster()))
    assert "\n" not in problem.value.message
    assert ".flo" in problem.value.message


@pytest.mark.usefixtures("studio")
def test_what_was_learned_is_kept_where_data_goes_away(studio, monkeypatch, capsys):  # noqa: F811
    from reconet_cli.training.data import mixture as data

    def sample(sources, settings, step, part=None, real=data.sample_batch):
        if step == 2:
            raise TrainingError("gone")
        return real(sources, settings, step, part)

    command = with_photographs(studio, "--steps", "4", "-o", str(studio / "out"))
    with monkeypatch.context() as patch:
        patch.setattr(data, "sample_batch", sample)
        assert reconet(*command) == 1
    assert "gone" in capsys.readouterr().err
    assert reconet(*command, "--resume") == 0
    assert [entry["step"] for entry in entries(studio / "out")] == [1, 2, 3, 4]


def test_portraits_are_cut_and_not_stretched():
    y, x = np.mgrid[:900, :600]
    disc = ((y - 450) ** 2 + (x - 300) ** 2 < 150**2).astype(np.uint8)[..., None].repeat(3, 2) * 255
    (shown,) = preview_frames([disc])
    white = shown[0] > 0.5
    assert shown.shape == (3, 256, 384)
    assert white.any(1).sum() == pytest.approx(white.any(0).sum(), abs=2)


def test_options_that_change_nothing_are_refused_and_a_time_is_no_number_of_steps(studio, capsys):  # noqa: F811
    weights = ("content", "style", "tone", "color", "variation", "feature-temporal", "output-temporal")
    for options, said in (
        (["--scenes", "0.5"], "--scenes is about"),
        (["--until-good", "--temporal-share", "0.1"], "--temporal-share does not go with --until-good"),
        (["--temporal-share", "0", "--output-temporal-weight", "9"], "--output-temporal-weight is about pairs"),
        (["--preset", "strong", *(word for name in weights for word in (f"--{name}-weight", "1"))], "--preset chooses"),
    ):
        assert reconet(*arguments(studio, *options)) == 2
        assert said in capsys.readouterr().err
    assert reconet(*with_photographs(studio, "--minutes", "0.01", "--until-good", "-o", str(studio / "out"))) == 0
    assert "until more steps stop helping, at most 0.01 minutes, loss network" in capsys.readouterr().err
    card = json.loads((studio / "out/card.json").read_text())["variants"]["fast"]
    assert card["settings"]["steps"] > 100_000


def test_base_is_no_name_for_a_style(studio, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("RECONET_STYLES", str(studio / "mine"))
    command = arguments(studio, "--steps", "1")
    shutil.copy(studio / "waves.png", studio / "base.png")
    command[command.index("--style") + 1] = str(studio / "base.png")
    assert reconet(*command) == 1
    assert "-o" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups")
@pytest.mark.usefixtures("studio")
def test_a_signal_to_the_whole_group_leaves_a_checkpoint(studio):  # noqa: F811
    command = with_photographs(studio, "--steps", "100000", "--workers", "1", "-o", str(studio / "out"))
    start = [sys.executable, "-c", "from reconet_cli.cli import main; main()"]
    process = forks.Popen([*start, *command], stderr=subprocess.PIPE, modules=forks.TRAINING)
    curve = studio / "out/run/fast/losses.jsonl"
    until(lambda: curve.exists() and curve.read_text().count("\n") >= 2, process)
    workers = children(process.pid)
    os.killpg(process.pid, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said.decode()
    assert "stopped; continue with the same command and --resume" in said.decode()
    assert (studio / "out/run/fast/checkpoint.pt").exists()
    assert workers
    assert gone(workers)


@pytest.fixture
def short_folder():
    """A folder whose name leaves room for a socket's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no SIGKILL")
@pytest.mark.usefixtures("studio")
def test_a_killed_worker_is_a_line_and_leaves_a_checkpoint(studio, short_folder):  # noqa: F811
    command = with_photographs(studio, "--steps", "100000", "--workers", "1", "-o", str(studio / "out"))
    start = [sys.executable, "-c", "from reconet_cli.cli import main; main()"]
    environment = os.environ | {"TMPDIR": str(short_folder)}
    process = forks.Popen([*start, *command], stderr=subprocess.PIPE, env=environment, modules=forks.TRAINING)
    curve = studio / "out/run/fast/losses.jsonl"
    until(lambda: curve.exists() and curve.read_text().count("\n") >= 2, process)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "error: a process that prepared frames has ended unexpectedly" in said.decode()
    assert (studio / "out/run/fast/checkpoint.pt").exists()
    assert not list(short_folder.glob("pymp-*"))  # PyTorch leaves a cache of its own


@pytest.mark.usefixtures("studio")
def test_workers_in_a_temporary_folder_of_a_long_name(studio):  # noqa: F811
    """The path of a socket is limited, and a worker that cannot make one hands nothing over."""
    command = with_photographs(studio, "--steps", "2", "--workers", "1", "-o", str(studio / "out"))
    (long := studio / ("t" * 100)).mkdir()
    start = [sys.executable, "-c", "from reconet_cli.cli import main; main()"]
    environment = os.environ | {"TMPDIR": str(long)}
    done = forks.run([*start, *command], env=environment, timeout=PATIENCE, modules=forks.TRAINING)
    assert done.returncode == 0
