"""The command lines that faults are tried on, and what they make."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

STYLE = ("--style", "style.safetensors")
TORCH = ("--engine", "torch", "--precision", "fp32")
OPENVINO = ("--engine", "openvino", "--precision", "fp32")
QUICK = ("--preset", "ultrafast")


@dataclass(frozen=True)
class Command:
    """A command line; `target` is what it makes of the files `needs`, `often` how often it is chosen.

    `again` are further words that let it go on, or start again, over what an earlier run has left.
    """

    words: tuple[str, ...]
    target: str
    needs: tuple[str, ...]
    often: int = 1
    again: tuple[str, ...] = ("-y",)

    @property
    def kept(self) -> set[str]:
        """The names of what an ended run may leave for the next one."""
        if "--resumable" in self.words:
            return {f"{self.target}.parts"}
        # Pairs that are done are not done again; a checkpoint is gone on from.
        return {self.target} if self.words[:1] in (("flow",), ("train",)) or self is BATCH else set()

    @property
    def more(self) -> bool:
        """Whether it needs what takes its time to load."""
        return self.words[0] in ("train", "export") or "openvino" in self.words or "onnxruntime" in self.words


def _stylize(source: str, target: str, *more: str, often: int = 1) -> Command:
    return Command(("stylize", source, target, *STYLE, *more), target, (source, "style.safetensors"), often)


PLAIN = _stylize("clip.mp4", "out.mp4", *TORCH, *QUICK, often=4)
RESUMABLE = _stylize("clip.mp4", "out.mkv", *TORCH, *QUICK, "--resumable", often=4)
STEADY = _stylize("clip.mp4", "out.mp4", *TORCH, *QUICK, "--resumable", "--deflicker", often=4)
CACHED = _stylize("few.mp4", "out.mp4", *OPENVINO, *QUICK)
FLOW = Command(
    ("flow", "few.mp4", "flow", "--method", "dis-ultrafast", "--occlusion"), "flow", ("few.mp4",), 2, again=()
)
FLOW_WORKERS = Command((*FLOW.words, "--jobs", "2"), "flow", ("few.mp4",), again=())
TRAIN = Command(
    ("train", "--style", "waves.png", "--loss-network", "loss.npz", "--init", "none", "--size", "64", "--style-scale",
     "0.1", "--precision", "fp32", "--device", "cpu", "--workers", "0", "--data", "photos", "--scenes", "0",
     "-o", "trained", "--steps", "4"),
    "trained", ("waves.png", "loss.npz", "photos"),
)  # fmt: skip
TRAIN_WORKERS = Command((*TRAIN.words, "--workers", "1"), "trained", TRAIN.needs)
BATCH = Command(
    ("stylize", "few.mp4", "picture.png", "--output-dir", "painted", *STYLE, *TORCH, *QUICK),
    "painted",
    ("few.mp4", "picture.png", "style.safetensors"),
)
COMMANDS = [
    PLAIN, RESUMABLE, STEADY, CACHED, FLOW, TRAIN, BATCH,
    _stylize("clip.mkv", "out.mov", *TORCH, *QUICK),
    _stylize("picture.png", "out.png", *TORCH),
    Command(("deflicker", "clip.mp4", "clip.mkv", "out.mp4", *QUICK), "out.mp4", ("clip.mp4", "clip.mkv")),
    Command(("export", "out.onnx", *STYLE, "--no-verify"), "out.onnx", ("style.safetensors",)),
    Command(
        ("evaluate", "few.mp4", "few.mp4", "--json", "out.json", "--method", "dis-ultrafast", "--loss-network", "none"),
        "out.json", ("few.mp4",),
    ),
]  # fmt: skip


def some_command(random: Random, *, video: bool = False) -> Command:
    """One of them; one that has a decoder and an encoder where `video` is said."""
    offered = [command for command in COMMANDS if not video or command.target.endswith((".mp4", ".mkv"))]
    return random.choices(offered, [command.often for command in offered])[0]


def content(path: Path) -> list[str]:
    """What tells a result that is no video from another one; nothing where it is not complete."""
    if path.name == "trained":
        from safetensors.numpy import load_file

        names = [path / "fast.safetensors", path / "card.json", path / "preview.jpg"]
        if not all(name.is_file() for name in names):
            return []
        json.loads(names[1].read_text())
        return sorted(f"{key} {_sum(array.tobytes())}" for key, array in load_file(names[0]).items())
    if path.name == "flow":
        names = sorted(path.iterdir()) if (path / "reconet-flow.json").exists() else []
        return [f"{name.name} {_sum(name.read_bytes())}" for name in names if name.suffix != ".json"]
    if path.suffix == ".json":
        return sorted(json.loads(path.read_text()))
    return [_sum(path.read_bytes())]


def calls(log: Path) -> Counter[tuple[str, str]]:
    """What a shim has logged: how many bytes were written to files of a name, or how often else something was done."""
    found: Counter[tuple[str, str]] = Counter()
    for line in log.read_text().splitlines():
        call, amount, name = line.split(" ", 2)
        found[call, name] += min(int(amount), 1 << 20)
    return found


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
