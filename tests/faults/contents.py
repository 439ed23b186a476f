"""Files with something else in them than they should have."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import signal
import time
import zipfile
from pathlib import Path
from random import Random

import numpy as np

from tests import flow_trees
from tests.faults import check
from tests.faults.commands import CACHED, FLOW, QUICK, RESUMABLE, STEADY, STYLE, TORCH, TRAIN, Command
from tests.faults.trial import Trial


def damaged(random: Random, content: bytes) -> bytes:
    """Content with bits flipped, cut off, with parts swapped, or with a part of noise."""
    data = bytearray(content)
    at, other = sorted(random.randrange(len(data)) for _ in range(2))
    length = min(random.randint(1, 400), other - at, len(data) - other)
    kind = random.choice(["flips", "cut", "swap", "noise"])
    if kind == "flips":
        # Headers are at the beginning.
        reach = random.choice([64, 1024, len(data)])
        for _ in range(random.randint(1, 20)):
            data[random.randrange(min(reach, len(data)))] ^= 1 << random.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "swap":
        data[at : at + length], data[other : other + length] = data[other : other + length], data[at : at + length]
    else:
        data[at : at + length] = random.randbytes(length)
    return bytes(data)


def damage(random: Random, path: Path) -> None:
    """The same to a file."""
    if content := path.read_bytes():
        path.write_bytes(damaged(random, content))


def hostile(name: str, trial: Trial) -> None:
    """Damaged media or weights."""
    target = "out.png" if name == "picture.png" else "out.mp4"
    clip = "few.mp4" if name == "style.safetensors" else name
    trial.bring(clip, "style.safetensors")
    damage(trial.random, trial.work / name)
    command = Command(
        ("stylize", clip, target, *STYLE, *TORCH, *(() if target == "out.png" else QUICK)), target, (), again=("-y",)
    )
    _twice(trial, command)


def hostile_network(trial: Trial) -> None:
    """A damaged ONNX file, or OpenVINO's pair, as a style."""
    trial.bring("few.mp4")
    kind = trial.random.choice(["onnx", "xml"])
    made = trial.material.exported(kind)
    for path in made:
        shutil.copy(path, trial.work)
    damage(trial.random, trial.work / trial.random.choice(made).name)
    engine = trial.random.choice(["openvino", "onnxruntime"]) if kind == "onnx" else "openvino"
    words = ("stylize", "few.mp4", "out.mp4", "--style", f"net.{kind}", "--engine", engine, *QUICK)
    _twice(trial, Command(words, "out.mp4", ()), f"net.{kind}", "net.bin")


def hostile_training(trial: Trial) -> None:
    """Damaged pictures to learn from, or a damaged loss network."""
    trial.bring(*TRAIN.needs)
    damage(trial.random, trial.work / trial.random.choice(["waves.png", "photos/a.png", "loss.npz"]))
    end = trial.end(trial.start(*TRAIN.words, more=True))
    check.ended(trial, end, 0, 1)
    check.whole(trial, end, "trained")
    check.tidy(trial, "trained")


def hostile_truth(trial: Trial) -> None:
    """A damaged file in a data set with true flow."""
    make = trial.random.choice([flow_trees.middlebury_scenes, flow_trees.middlebury, flow_trees.sintel])
    root = make(trial.work / "truth")
    damage(trial.random, trial.random.choice(sorted(path for path in root.rglob("*") if path.is_file())))
    words = ("flow", "--evaluate", "truth", "--method", "dis-ultrafast", "--json")
    check.ended(trial, trial.end(trial.start(*words)), 0, 1)
    check.tidy(trial, "truth")


def _twice(trial: Trial, command: Command, *more: str) -> None:
    for _ in range(2):
        end = trial.end(trial.start(*command.words, *command.again, more=command.more))
        check.ended(trial, end, 0, 1)
        check.whole(trial, end, command.target)
        check.tidy(trial, command.target, *more)


class _Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.canary}'",)


def poison(random: Random, path: Path, canary: Path) -> None:
    """Replace a file by a pickle that makes `canary`, in one of the wrappings of pickles."""
    evil = _Evil(canary)
    kind = random.choice(["pickle", "torch", "npy", "npz"])
    if kind == "torch":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(evil, protocol=2))
            archive.writestr("archive/version", "3\n")
            archive.writestr("archive/byteorder", "little")
        return
    data = io.BytesIO()
    if kind == "pickle":
        pickle.dump(evil, data)
    elif kind == "npy":
        np.save(data, np.array([evil], object), allow_pickle=True)
    else:
        np.savez(data, frames=np.array([evil], object))
    path.write_bytes(data.getvalue())


def poisoned(trial: Trial) -> None:
    """Files that run a command where they are taken for pickles."""
    canary = trial.folder / "executed"
    what = trial.random.choice(["style", "pth", "loss", "checkpoint", "memory", "clip", "cache", "flow"])
    if what in ("style", "pth", "clip"):
        name = {"style": "style.safetensors", "pth": "style.pth", "clip": "few.mp4"}[what]
        trial.bring("few.mp4", "style.safetensors")
        poison(trial.random, trial.work / name, canary)
        style = name if what == "pth" else "style.safetensors"
        end = trial.end(trial.start("stylize", "few.mp4", "out.mp4", "--style", style, *TORCH, *QUICK))
        check.ended(trial, end, 1)
    elif what == "loss":
        trial.bring(*TRAIN.needs)
        name = trial.random.choice(["loss.npz", "loss.pth"])
        poison(trial.random, trial.work / name, canary)
        words = [name if word == "loss.npz" else word for word in TRAIN.words]
        check.ended(trial, trial.end(trial.start(*words, more=True)), 1)
    elif what == "checkpoint":
        trial.material.bring_checkpoint(trial.work)
        for path in trial.work.rglob("checkpoint.pt"):
            poison(trial.random, path, canary)
        check.ended(trial, trial.end(trial.start(*TRAIN.words, "--resume", "-y", more=True)), 1)
    elif what == "memory":
        folder = _killed(trial, STEADY)
        for path in folder.glob("*.npz"):
            poison(trial.random, path, canary)
        check.again(trial, STEADY)
    elif what == "cache":
        trial.bring(*CACHED.needs)
        own = _cache(trial)
        for path in [path for path in own.rglob("*") if path.is_file()]:
            poison(trial.random, path, canary)
        check.again(trial, CACHED, own_cache=True)
    else:
        root = flow_trees.middlebury_scenes(trial.work / "truth")
        for path in root.rglob("*.flo"):
            poison(trial.random, path, canary)
        words = ("flow", "--evaluate", "truth", "--method", "dis-ultrafast")
        check.ended(trial, trial.end(trial.start(*words)), 0, 1)


def _killed(trial: Trial, command: Command) -> Path:
    """The folder of segments of a run that was killed when it had one."""
    trial.bring(*command.needs)
    run, folder = trial.start(*command.words), trial.work / f"{command.target}.parts"
    while run.poll() is None and not list(folder.glob(f"00000[1-9]{Path(command.target).suffix}")):
        time.sleep(0.002)
    if run.poll() is None:
        os.kill(run.pid, signal.SIGKILL)
    trial.end(run)
    trial.clear()
    return folder


def parts(trial: Trial) -> None:
    """A killed run whose manifest, segments or memories are damaged, or change places."""
    command = trial.random.choice([RESUMABLE, STEADY])
    folder = _killed(trial, command)
    files = sorted(folder.iterdir()) if folder.exists() else []
    if len(files) > 1 and trial.random.random() < 0.2:
        one, other = trial.random.sample(files, 2)
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
        trial.told.append(f"swapped {one.name} {other.name}")
    elif files:
        path = trial.random.choice(files)
        damage(trial.random, path)
        trial.told.append(f"damaged {path.name}")
    end = trial.end(trial.start(*command.words, "-y"))
    check.ended(trial, end, 0)
    check.whole(trial, end, command.target, trial.material.reference(command).result)
    # What nobody can tell the age of is kept.
    check.tidy(trial, command.target, f"{command.target}.parts.aside", f"{command.target}.parts")


def _cache(trial: Trial) -> Path:
    """A cache of models with something in it, for this trial alone."""
    trial.material.reference(CACHED)
    own = trial.folder / "cache"
    shutil.copytree(trial.material.reference_cache(CACHED), own)
    return own


def cache(trial: Trial) -> None:
    """A damaged cache of models."""
    trial.bring(*CACHED.needs)
    for path in [path for path in _cache(trial).rglob("*") if path.is_file() and trial.random.random() < 0.7]:
        damage(trial.random, path)
    check.again(trial, CACHED, own_cache=True)


def checkpoint(trial: Trial) -> None:
    """A damaged checkpoint of a training, or another damaged file of it."""
    trial.material.bring_checkpoint(trial.work)
    found = sorted(path for path in (trial.work / "trained").rglob("*") if path.is_file())
    likely = [path for path in found if "checkpoint" in path.name] or found
    path = trial.random.choice([trial.random.choice(found), trial.random.choice(likely)])
    damage(trial.random, path)
    trial.told.append(f"damaged {path.name}")
    end = trial.end(trial.start(*TRAIN.words, "--resume", "-y", more=True))
    check.ended(trial, end, 0, 1)
    check.tidy(trial, "trained")


def flow(trial: Trial) -> None:
    """A damaged folder of flow files, gone on with."""
    trial.bring(*FLOW.needs)
    check.ended(trial, trial.end(trial.start(*FLOW.words)), 0)
    damage(trial.random, trial.random.choice(sorted((trial.work / "flow").iterdir())))
    check.ended(trial, trial.end(trial.start(*FLOW.words)), 0, 1)
    check.tidy(trial, "flow")
