"""What does a training step take? Each part of a step of one frame, in milliseconds of processor time.

    OMP_NUM_THREADS=1 python benchmarks/training_step.py --style examples/mosaic.jpg --size 256

Prints the least of some rounds in which parts and number formats take turns, each part by itself: networks forward and
back, losses on the features that they get. On more than one thread, waiting for the others counts as processor time, so
compare on one. Frames come from a photograph or a procedural scene.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from reconet_cli.model import losses
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.styles.finding import BASE, find_style
from reconet_cli.system.folders import packaged_frames
from reconet_cli.training.data.photographs import Photographs
from reconet_cli.training.data.sources import read_picture, style_picture
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.synthetic.scenes import Scenes
from reconet_cli.training.trainer import Trainer

_PRECISIONS = ("fp32", "bf16")
# Scenes draw their canvases in the first rounds.
_WARM_ROUNDS = 3


class Parts:
    """A step of one number format, part by part, by name."""

    def __init__(self, trainer: Trainer, size: int) -> None:
        self._trainer = trainer
        self._size = size
        self._generator = torch.Generator().manual_seed(0)
        files = packaged_frames()
        self._photos, self._scenes = Photographs([read_picture(file) for file in files]), Scenes()
        self._pairs = self._photos.sample(size, self._generator)
        self._frames = self._pairs.current_frames()
        with torch.no_grad():
            self._wanted = trainer.loss_network.contents(self._frames)
            self._image = trainer.network(self._frames)
        self.works: dict[str, Callable[[], Any]] = {
            "photograph": lambda: self._photos.sample(size, self._generator),
            "scene": lambda: self._scenes.sample(size, self._generator),
            "network": self._network,
            "loss network": self._loss_network,
            "loss network, frame": self._content,
            "other losses": self._pixels,
            "whole step": lambda: trainer.train_step(self._pairs),
        }

    def _autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._trainer.settings.precision == "bf16")

    def _network(self) -> None:
        self._trainer.network.train()
        with self._autocast():
            _, painted = self._trainer.network.paint(self._frames)
        painted.float().mean().backward()

    def _loss_network(self) -> None:
        image = self._image.clone().requires_grad_()
        with self._autocast():
            seen = self._trainer.loss_network(image)
        content = losses.content_loss(seen.contents, self._wanted, [1.0] * len(self._wanted))
        (content + losses.style_loss(seen.grams, self._trainer.style_grams)).backward()

    def _content(self) -> None:
        with self._autocast(), torch.no_grad():
            self._trainer.loss_network.contents(self._frames)

    def _pixels(self) -> None:
        image = self._image.clone().requires_grad_()
        tone = losses.tone_loss(image, self._frames)
        color = losses.color_loss(image, self._trainer.style_colors)
        (tone + color + losses.total_variation(image)).backward()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", type=Path, required=True, help="picture")
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=12)
    args = parser.parse_args()
    style, loss_network = style_picture(args.style), load_loss_network(args.loss_network)
    formats = {}
    for precision in _PRECISIONS:
        settings = TrainingSettings(size=args.size, precision=precision, temporal=0.0)
        trainer = Trainer(settings, loss_network, style, torch.device("cpu"), start=find_style(BASE, "fast"))
        formats[precision] = Parts(trainer, args.size)
    least: dict[tuple[str, str], float] = {}
    for turn in range(_WARM_ROUNDS + args.rounds):
        for precision, parts in formats.items():
            for part, work in parts.works.items():
                begun = time.process_time()
                work()
                taken = time.process_time() - begun
                if turn >= _WARM_ROUNDS:
                    least[part, precision] = min(taken, least.get((part, precision), taken))
    threads = torch.get_num_threads()
    print(f"{args.size} px, loss network {loss_network.name}, {threads} threads; milliseconds of processor time")
    print(f"{'':<20}" + "".join(f"{precision:>8}" for precision in _PRECISIONS))
    for part in formats[_PRECISIONS[0]].works:
        print(f"{part:<20}" + "".join(f"{least[part, precision] * 1e3:>8.1f}" for precision in _PRECISIONS))


if __name__ == "__main__":
    main()
