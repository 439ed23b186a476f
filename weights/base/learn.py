"""Learn `base`, the weights that are ready to learn any painting: Reptile over many paintings.

    python weights/base/learn.py --paintings PAINTINGS --more STYLES --data PHOTOS --minutes 480

Again and again one painting is learned for a few steps, as `reconet train` would, and the weights go a part of the way
to where that led (Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms, arXiv 1803.02999). The part falls
to nothing towards the end. Every sixth of `--paintings` is held out, at most 40; `benchmarks/starts.py` measures on
these. The state is in `--work`, where the same command goes on after an interruption, with a log. `runs/` is ignored by
git.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reconet_cli.errors import TrainingError
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.network import ReCoNet
from reconet_cli.model.weights import load_weights, save_weights
from reconet_cli.system.files import replacing
from reconet_cli.training.data.photographs import Photographs, PictureFiles
from reconet_cli.training.data.sources import PICTURES, find_files, style_picture
from reconet_cli.training.schedule import Schedule
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.trainer import Trainer

HELD_OUT_EVERY = 6
MOST_HELD_OUT = 40
_SAVE_EVERY = 10


def held_out(paintings: list[Path]) -> list[Path]:
    """The paintings, sorted by name, that no start learns from."""
    return sorted(paintings)[::HELD_OUT_EVERY][:MOST_HELD_OUT]


def mean_of(files: list[Path]) -> ReCoNet:
    """A network with the mean of the weights of some styles."""
    network = load_weights(files[0])
    states = [load_weights(file).state_dict() for file in files]
    network.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    return network


@dataclass
class Learning:
    """The weights so far, how many paintings they took and how many seconds."""

    weights: dict[str, Tensor]
    tasks: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write a state to go on from."""
        with replacing(path, TrainingError) as part:
            torch.save({"weights": self.weights, "tasks": self.tasks, "seconds": self.seconds}, part)

    @torch.no_grad()
    def follow(self, network: ReCoNet, part: float) -> None:
        """Go a part of the way to what a network has learned."""
        learned = network.state_dict()
        for name, value in self.weights.items():
            value.lerp_(learned[name], part)


def learn_one(
    learning: Learning, picture: Path, photos: Photographs, settings: TrainingSettings, loss_network: LossNetwork
) -> tuple[ReCoNet, dict[str, float]]:
    """The network after a few steps on one painting from where learning is, and the losses of the last step."""
    trainer = Trainer(settings, loss_network, style_picture(picture, settings.style_scale), torch.device("cpu"))
    trainer.network.load_state_dict(learning.weights)
    trainer.schedule = Schedule(settings)
    generator = torch.Generator().manual_seed(learning.tasks)
    values: dict[str, float] = {}
    for _ in range(settings.steps):
        values = trainer.train_step(photos.sample(settings.size, generator))
    return trainer.network, values


def _order(paintings: list[Path], task: int) -> Path:
    """Every painting once before any comes again."""
    turn, place = divmod(task, len(paintings))
    return random.Random(turn).sample(paintings, len(paintings))[place]


def _recipe(args: argparse.Namespace, learning: Learning, paintings: int, loss_network: str) -> dict[str, Any]:
    begun: dict[str, Any] = {"average_of": [start.parent.name for start in args.start], "start": None}
    learned = {
        "paintings": paintings,
        "tasks": learning.tasks,
        "steps_a_task": args.steps,
        "size": args.size,
        "learning_rate": args.learning_rate,
        "outer_rate": args.outer_rate,
        "loss_network": loss_network,
        "seconds": round(learning.seconds),
    }
    return begun | (learned if learning.tasks else {})


def main() -> None:
    """Learn until the time is over, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--paintings", type=Path, required=True, help="folder; some are held out")
    parser.add_argument("--more", type=Path, action="append", default=[], help="other paintings to learn from")
    parser.add_argument("--data", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--start", type=Path, nargs="+", default=[here / "fast.safetensors"], help="mean of weights")
    parser.add_argument("--minutes", type=float, default=480, help="0: the mean of the starts alone")
    parser.add_argument("--steps", type=int, default=30, help="of one painting in a row")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    parser.add_argument("--outer-rate", type=float, default=0.15, help="the part of the way, at first")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--work", type=Path, default=Path("runs/base"))
    parser.add_argument("-o", "--output", type=Path, help="weights file at the end (in --work)")
    args = parser.parse_args()

    args.work.mkdir(parents=True, exist_ok=True)
    state, output = args.work / "state.pt", args.output or args.work / "fast.safetensors"
    found = find_files([args.paintings], PICTURES)
    apart = set(held_out(found))
    paintings = [path for path in found if path not in apart] + find_files(args.more, PICTURES)
    photos = Photographs(PictureFiles(find_files([args.data], PICTURES), args.size))
    settings = TrainingSettings(
        size=args.size, steps=args.steps, learning_rate=args.learning_rate, precision=args.precision, temporal=0.0
    )
    loss_network = load_loss_network(args.loss_network)
    network = mean_of(args.start)
    learning = Learning(**torch.load(state, weights_only=True)) if state.exists() else Learning(network.state_dict())
    print(f"{len(paintings)} paintings, {len(apart)} held out, from painting {learning.tasks + 1}", flush=True)
    while learning.seconds < 60 * args.minutes:
        begun = time.monotonic()
        picture = _order(paintings, learning.tasks)
        learned, values = learn_one(learning, picture, photos, settings, loss_network)
        part = args.outer_rate * 0.5 * (1 + math.cos(math.pi * learning.seconds / 60 / args.minutes))
        if math.isfinite(values["total"]):
            learning.follow(learned, part)
        learning.tasks += 1
        learning.seconds += time.monotonic() - begun
        entry = {"task": learning.tasks, "painting": picture.name, "part": part, "seconds": learning.seconds, **values}
        with (args.work / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in entry.items()}) + "\n")
        if learning.tasks % _SAVE_EVERY == 0:
            learning.save(state)
    learning.save(state)
    network.load_state_dict(learning.weights)
    save_weights(output, network, _recipe(args, learning, len(paintings), loss_network.name))


if __name__ == "__main__":
    main()
