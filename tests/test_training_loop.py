"""The training loop's promises: it ends when asked, survives a kill, and is the same in one process or two."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
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
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.weights import load_weights
from reconet_cli.styles.finding import find_style
from reconet_cli.training import run as training
from reconet_cli.training.checkpoint import write_checkpoint
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.schedule import Schedule
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.synthetic.scenes import Scenes
from reconet_cli.training.trainer import Trainer
from tests.test_model import distilled_arrays


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    """A style picture, two photographs and a tiny loss network."""
    (tmp_path / "photos").mkdir()
    for seed, name in enumerate(("waves.png", "photos/a.png", "photos/b.png")):
        coarse = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), cv2.resize(coarse, (160, 128), interpolation=cv2.INTER_CUBIC))
    np.savez(tmp_path / "loss.npz", **distilled_arrays())
    return tmp_path


def arguments(studio: Path, *more: str) -> list[str]:
    return [
        "train", "--style", str(studio / "waves.png"), "--loss-network", str(studio / "loss.npz"), "--init", "none",
        "--size", "64", "--style-scale", "0.1", "--precision", "fp32", "--device", "cpu", "--workers", "0", *more,
    ]  # fmt: skip


def with_photographs(studio: Path, *more: str) -> list[str]:
    """The same, without scenes, which take a while to draw."""
    return arguments(studio, "--data", str(studio / "photos"), "--scenes", "0", *more)


def reconet(*args: str) -> int:
    from reconet_cli.cli import run

    return run(list(args))


def entries(folder: Path, name: str = "losses.jsonl") -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "run/fast" / name).read_text().splitlines()]


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_weights(folder / "fast.safetensors").state_dict()


def test_a_picture_is_enough(studio, monkeypatch, capsys):
    monkeypatch.setenv("RECONET_STYLES", str(studio / "mine"))
    assert reconet(*arguments(studio, "--steps", "3")) == 0
    assert "loss network vgg19-distilled" in capsys.readouterr().err
    assert find_style("waves") == studio / "mine/waves/fast.safetensors"
    assert find_style(str(studio / "waves.png")) == studio / "mine/waves/fast.safetensors", "the picture stands for it"
    assert reconet(*arguments(studio, "--steps", "3")) == 1, "a finished style is not replaced by accident"
    assert "-y" in capsys.readouterr().err


def test_training_starts_from_the_shipped_base(studio, capsys):
    more = with_photographs(studio, "--steps", "1", "-o", str(studio / "out"))
    del more[more.index("--init") : more.index("--init") + 2]
    assert reconet(*more) == 0
    assert "from base" in capsys.readouterr().err
    card = json.loads((studio / "out/card.json").read_text())["variants"]["fast"]
    assert card["start"]["paintings"] > 1, "the base has learned many"
    assert reconet(*more, "-y", "--variant", "paper-small", "--size", "64") == 0
    assert "from random weights" in capsys.readouterr().err, "there is no base for that network"


def test_the_compact_loss_network_is_shipped(studio):
    network = load_loss_network("compact")
    images = torch.rand(2, 3, 64, 48)
    seen = network(images)
    assert network.name == "compact"
    assert [layer.shape for layer in seen.contents] == [(2, 65, 16, 12), (2, 129, 8, 6)]
    assert [gram.shape[-1] for gram in seen.grams] == [64, 128, 256, 512, 512]
    assert all(torch.equal(a, b) for a, b in zip(network.contents(images), seen.contents, strict=True))


def test_auto_takes_compact_where_vgg16_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert load_loss_network("auto", "cpu").name == "compact"


def test_killed_at_any_moment_it_resumes_to_the_same_weights(studio, monkeypatch):
    whole, parts = studio / "whole", studio / "parts"
    settings = ["--steps", "16", "--seed", "5"]
    assert reconet(*with_photographs(studio, *settings, "-o", str(whole))) == 0
    # Checkpoints are 100 steps apart; here every fourth step will do.
    often = "import reconet_cli.training.run as run; run.MEASURE_EVERY = 4\n"
    # It does not get to its end, however long we are kept from killing it.
    endless = (
        "import time; from reconet_cli.training.trainer import Trainer; step = Trainer.train_step\n"
        "Trainer.train_step = lambda self, pairs: time.sleep(1000) if self.step == 14 else step(self, pairs)\n"
    )
    start = "from reconet_cli.cli import main; main()"
    command = with_photographs(studio, *settings, "-o", str(parts))
    process = forks.Popen(
        [sys.executable, "-c", often + endless + start, *command], stderr=subprocess.DEVNULL, modules=forks.TRAINING
    )
    wanted = random.Random(os.getpid()).randint(5, 12)
    curve = parts / "run/fast/losses.jsonl"
    until(lambda: curve.exists() and curve.read_text().count("\n") >= wanted, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (parts / "fast.safetensors").exists()
    monkeypatch.setattr(training, "MEASURE_EVERY", 4)
    assert reconet(*command, "--resume") == 0
    first, second = weights_of(whole), weights_of(parts)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert entries(whole) == entries(parts)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def two_ranks(*command: str) -> list[forks.Popen]:
    """Two processes of Python, as `torchrun` starts them."""
    joint = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    return [
        forks.Popen(
            [sys.executable, *command],
            modules=forks.TRAINING,
            env=os.environ | joint | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
        )
        for rank in "01"
    ]


def test_two_processes_learn_what_one_does_with_the_joint_batch(studio):
    settings = ["--steps", "6", "--batch", "4"]
    assert reconet(*with_photographs(studio, *settings, "-o", str(studio / "one"))) == 0
    ranks = two_ranks("-m", "reconet_cli", *with_photographs(studio, *settings, "-o", str(studio / "two")))
    shown = [rank.communicate(timeout=PATIENCE)[1].decode() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], shown
    assert "paint with" in shown[0]
    assert "paint with" not in shown[1]
    one, two = entries(studio / "one"), entries(studio / "two")
    assert len(one) == len(two) == 6
    for step, (alone, joint) in enumerate(zip(one, two, strict=True)):
        # Sums in another order differ in the last bit, and training lets differences grow.
        assert joint == pytest.approx(alone, rel=1e-4 if step < 2 else 2e-2, abs=1e-5)
    first, second = (torch.cat([w.flatten() for w in weights_of(studio / name).values()]) for name in ("one", "two"))
    assert (first - second).norm() < 0.02 * first.norm()


def test_what_is_left_of_two_processes_goes_on_as_one(studio):
    settings = ["--steps", "6", "--batch", "2"]
    assert reconet(*with_photographs(studio, *settings, "-o", str(studio / "whole"))) == 0
    command = with_photographs(studio, *settings, "-o", str(studio / "parts"))
    often = "import reconet_cli.training.run as run; run.MEASURE_EVERY = 2\n"
    dies = (
        "import os, signal; from reconet_cli.training.trainer import Trainer; step = Trainer.train_step\n"
        "def last(self, pairs):\n"
        "    if self.step == 3 and self.cluster.rank: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return step(self, pairs)\n"
        "Trainer.train_step = last\n"
    )
    first, second = two_ranks("-c", often + dies + "from reconet_cli.cli import main; main()", *command)
    shown = first.communicate(timeout=PATIENCE)[1].decode()
    second.communicate(timeout=PATIENCE)
    assert (first.returncode, second.returncode) == (1, -signal.SIGKILL), shown
    assert "another of the 2 processes has ended" in shown
    assert "Traceback" not in shown
    assert reconet(*command, "--resume") == 0
    whole, parts = entries(studio / "whole"), entries(studio / "parts")
    assert [entry["step"] for entry in parts] == [1, 2, 3, 4, 5, 6]
    for alone, joint in zip(whole, parts, strict=True):
        assert joint == pytest.approx(alone, rel=2e-2, abs=1e-5)


def test_a_batch_that_cannot_be_split_gives_a_message():
    from reconet_cli.training.cluster import Cluster

    assert [list(Cluster(rank, 2).share(4)) for rank in (0, 1)] == [[0, 1], [2, 3]]
    with pytest.raises(TrainingError, match="3 cannot be split among 2"):
        Cluster(0, 2).share(3)


def test_workers_prepare_the_same_batches(studio):
    for workers in ("0", "2"):
        more = ["--steps", "4", "--workers", workers, "-o", str(studio / workers)]
        assert reconet(*with_photographs(studio, *more)) == 0
    assert entries(studio / "0") == entries(studio / "2")


def test_minutes_end_a_run(studio):
    assert reconet(*with_photographs(studio, "--steps", "100000", "--minutes", "0.02", "-o", str(studio / "out"))) == 0
    assert json.loads((studio / "out/card.json").read_text())["variants"]["fast"]["seconds"] >= 1
    assert 1 <= len(entries(studio / "out")) < 100000


def test_the_rate_rises_falls_and_ends_low():
    schedule = Schedule(TrainingSettings(steps=1000, learning_rate=1.0))
    rates = [schedule.rate(step, 0.0) for step in range(1000)]
    assert rates[0] < 0.1
    assert rates[50] == pytest.approx(1.0, abs=0.02)
    assert rates[999] == pytest.approx(0.01, abs=0.001)
    assert rates[50:] == sorted(rates[50:], reverse=True)
    timed = Schedule(TrainingSettings(steps=10**6, minutes=2.0, learning_rate=1.0))
    assert timed.rate(500, 60.0) == pytest.approx(0.505, abs=0.01)
    assert not timed.finished(500, 119.0)
    assert timed.finished(500, 120.0)


def test_a_run_from_nothing_opens_with_frames_as_they_are():
    schedule = Schedule(TrainingSettings(steps=900), "frames")
    shares = [schedule.showing(step) for step in range(900)]
    assert shares[:30] == [1.0] * 30
    assert shares[90:] == [0.0] * 810
    assert shares == sorted(shares, reverse=True)
    assert 0.4 < shares[60] < 0.6
    assert Schedule(TrainingSettings(steps=900)).showing(0) == 0


def test_until_good_cools_down_after_the_last_improvement():
    schedule = Schedule(TrainingSettings(steps=10000, learning_rate=1.0, until_good=True))
    losses = [2.0, 1.5, 1.2, 1.1, 1.05, 1.0, *[1.0] * 30]
    for index, loss in enumerate(losses):
        step = 100 * (index + 1)
        if schedule.finished(step, 0.0):
            break
        if schedule.plateau is None:
            assert schedule.rate(step, 0.0) == pytest.approx(1.0)
        schedule.observe(step, loss)
    assert schedule.plateau == 1000, "four measurements after the last improvement"
    assert step == 1300, "a quarter more steps, rounded up to the next measurement"
    assert 0 < schedule.rate(1200, 0.0) < 0.3


def test_until_good_without_a_plateau_still_cools_down_at_the_end():
    schedule = Schedule(TrainingSettings(steps=1000, learning_rate=1.0, until_good=True))
    assert schedule.rate(790, 0.0) == pytest.approx(1.0)
    assert schedule.rate(999, 0.0) < 0.02


def trainer(studio: Path, **settings: float) -> Trainer:
    chosen = TrainingSettings(size=64, **settings)  # type: ignore[arg-type]
    style = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    return Trainer(chosen, load_loss_network(str(studio / "loss.npz")), style, torch.device("cpu"))


def pair(seed: int = 0) -> FramePairs:
    return Scenes().sample(64, torch.Generator().manual_seed(seed))


def test_a_fresh_network_first_learns_to_show_what_it_sees(studio):
    fresh, shown = trainer(studio, steps=1200), pair(3)

    @torch.no_grad()
    def error() -> float:
        return float((fresh.network(shown.current) - shown.current).square().mean())

    before = error()
    for _ in range(40):
        fresh.train_step(shown)
    assert error() < before / 3


@pytest.mark.parametrize(("variant", "share"), [("fast", 1.0), ("paper", 400 / (48 * 81))])
def test_a_large_head_learns_as_slowly_as_it_is_large(studio, variant, share):
    run = trainer(studio, variant=variant)
    run.train_step(pair())
    rest, head = run.optimizer.param_groups
    assert head["lr"] / rest["lr"] == pytest.approx(share)
    assert {weights.shape[0] for weights in head["params"]} == {3}
    assert len(rest["params"]) + 2 == len(list(run.network.parameters()))


def test_a_checkpoint_of_another_version_gives_a_message(studio, tmp_path):
    run = trainer(studio)
    run.save(tmp_path / "old.pt")
    state = torch.load(tmp_path / "old.pt", weights_only=True)
    del state["schedule"]["pretraining"]
    torch.save(state, tmp_path / "old.pt")
    with pytest.raises(TrainingError, match="another version"):
        trainer(studio).load(state, tmp_path / "old.pt")


def test_a_step_that_is_not_finite_changes_nothing(studio):
    run = trainer(studio)
    run.train_step(pair())
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    good = pair(1)
    broken = FramePairs(good.previous, good.current * float("nan"), good.flow, good.mask)
    run.train_step(broken)
    assert all(torch.equal(before[name], value) for name, value in run.network.state_dict().items())
    run.train_step(good)
    assert any(not torch.equal(before[name], value) for name, value in run.network.state_dict().items())
    for _ in range(9):
        run.train_step(broken)
    with pytest.raises(TrainingError, match="10 steps"):
        run.train_step(broken)


def test_the_average_follows_the_weights(studio):
    run = trainer(studio)
    name = next(iter(dict(run.network.named_parameters())))
    seen = []
    for seed in range(6):
        run.train_step(pair(seed))
        seen.append(dict(run.network.named_parameters())[name].detach().clone())
    average = dict(run.average.named_parameters())[name]
    low, high = torch.stack(seen).amin(0), torch.stack(seen).amax(0)
    start = trainer(studio).network.state_dict()[name]
    assert ((average >= torch.minimum(low, start) - 1e-6) & (average <= torch.maximum(high, start) + 1e-6)).all()
    assert not torch.equal(average, seen[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="no limits")
def test_full_disk_while_a_checkpoint_is_written_gives_a_message(tmp_path):
    import resource

    path = tmp_path / "state.pt"
    write_checkpoint(path, {"step": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(TrainingError, match="cannot write"):
            write_checkpoint(path, {"network": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "home"] == ["state.pt"]
    assert torch.load(path, weights_only=True) == {"step": 1}
