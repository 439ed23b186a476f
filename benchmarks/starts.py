"""Which weights should training begin with? Held-out losses after 0, 50, 100, 200 and 400 steps from several starts.

    python benchmarks/starts.py --paintings PAINTINGS --data PHOTOS --start weights/base/fast.safetensors --start mean

Learns a few paintings that `weights/base/learn.py` holds out. A start is a weights file, `mean` (of the shipped styles)
or `none` (random weights). Each run has the schedule of as many steps as it is measured after, as somebody would have
who stops there: that is what a learning rate that falls to nothing needs. The loss is the perceptual one that training
prints (content, style, tone and color, weighted), of squares from photographs that no run learns from.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.weights import save_weights
from reconet_cli.styles.finding import BASE, list_styles
from reconet_cli.training.card import held_out_losses, temporal_error
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.data.photographs import Photographs, PictureFiles
from reconet_cli.training.data.sources import PICTURES, find_files, style_picture
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parents[1] / "weights" / "base"))
from learn import held_out, mean_of  # type: ignore[import-not-found]

_HELD_OUT_PAIRS = 6
_EVERY = 12  # photograph that is held out


@contextmanager
def starts(choices: list[str]) -> Iterator[dict[str, Path | None]]:
    """Weights files by the names they were asked for."""
    with tempfile.TemporaryDirectory() as folder:
        mean = Path(folder) / "mean.safetensors"
        save_weights(mean, mean_of(_shipped()), {})
        yield {name: {"mean": mean, "none": None}.get(name, Path(name)) for name in choices}


def _shipped() -> list[Path]:
    return [style.variants["fast"] for style in list_styles() if style.name != BASE and "fast" in style.variants]


def held_out_pairs(photos: Photographs, size: int) -> list[FramePairs]:
    """The same pairs for every run."""
    generator = torch.Generator().manual_seed(1)
    return [photos.sample(size, generator) for _ in range(_HELD_OUT_PAIRS)]


def main() -> None:
    """Learn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="the folder that learn.py was given")
    parser.add_argument("--data", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--start", action="append", required=True, help="weights file, mean or none; repeatable")
    parser.add_argument("--count", type=int, default=4, help="paintings")
    parser.add_argument("--steps", type=int, nargs="*", default=[0, 50, 100, 200, 400])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--temporal-share", type=float, default=0.0)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--keep", type=Path, help="folder for the weights of the longest runs")
    args = parser.parse_args()

    paintings = held_out(find_files([args.paintings], PICTURES))
    paintings = paintings[:: max(1, len(paintings) // args.count)][: args.count]
    files = find_files([args.data], PICTURES)
    measured = held_out_pairs(Photographs(PictureFiles(files[::_EVERY], 256)), 256)
    photos = Photographs(PictureFiles([file for i, file in enumerate(files) if i % _EVERY], args.size))
    loss_network = load_loss_network(args.loss_network)
    settings = TrainingSettings(
        size=args.size, learning_rate=args.learning_rate, temporal=args.temporal_share, precision=args.precision
    )
    print(f"{len(paintings)} paintings: {', '.join(path.stem for path in paintings)}; perceptual loss (style, e_stab)")
    print(f"{'start':<24}" + "".join(f"{steps:>9} steps     " for steps in args.steps))
    with starts(args.start) as found:
        for name, start in found.items():
            line = f"{'/'.join(Path(name).with_suffix('').parts[-2:]):<24}"
            for steps in args.steps:
                rows = []
                for painting in paintings:
                    asked = replace(settings, steps=max(1, steps))
                    trainer = Trainer(asked, loss_network, style_picture(painting), torch.device("cpu"), start=start)
                    generator = torch.Generator().manual_seed(0)
                    for _ in range(steps):
                        trainer.train_step(photos.sample(args.size, generator))
                    losses, error = held_out_losses(trainer, measured), temporal_error(trainer, measured)
                    rows.append((losses["perceptual"], losses["style"], error["painted"]))
                    if args.keep and steps == args.steps[-1]:
                        args.keep.mkdir(parents=True, exist_ok=True)
                        save_weights(args.keep / f"{line.strip().replace('/', '-')}-{painting.stem}.safetensors",
                                     trainer.average, {})  # fmt: skip
                means = [statistics.mean(column) for column in zip(*rows, strict=True)]
                line += f"  {means[0]:6.3f} ({means[1]:.3f}, {means[2]:.3f})"
                print(f"\r{line}", end="", flush=True)
            print()


if __name__ == "__main__":
    main()
