r"""Temporal error against style distance, for ways to train the network itself to flicker less.

    python benchmarks/temporal_training.py CLIP... --data PHOTOS --paintings FOLDER --loss-network vgg19.npz \
        --measured-by squeezenet.npz --style mosaic --style starry --work runs/temporal -o examples

Each way goes on from a shipped style's `fast` network for `--steps` steps in pairs of frames, at several weights of the
output temporal loss. A weight alone trades style for steadiness, so each way is a curve; a way is better where its
curve lies below that of `today`. The ways:

    today   neighboring frames, as `reconet train` has them
    jitter  half of the pairs are still pictures in stronger noise and other brightness
    far     frames up to 5 apart, their motion known exactly: the long-range loss of Ruder et al. (arXiv 1604.08610) and
            clips of several frames, one pair of them a step. A network without memory gains nothing from more at once.
    late    neighboring frames, with a weight that grows from a fifth to nine fifths of itself during the run
    both    jitter and far together

CLIP are clips that are painted and measured. Trained networks and figures are kept in `--work`: the command can be
stopped and given again, and `--no-training` shows what is there so far. One plot a style is written to the folder `-o`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from styles import Entry, measure, numbers, read_entry
from torch import Tensor

from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.tensors import to_tensor
from reconet_cli.model.weights import read_metadata, save_weights
from reconet_cli.styles.finding import find_style
from reconet_cli.training.data.mixture import Sources, sample_batch
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.data.photographs import Camera, Motion, PictureFiles, light_and_noise, moving_pair
from reconet_cli.training.data.sources import PICTURES, find_files, style_picture
from reconet_cli.training.settings import LossWeights, TrainingSettings
from reconet_cli.training.synthetic.random_motion import random_flow, uniform
from reconet_cli.training.synthetic.scenes import Scenes
from reconet_cli.training.trainer import Trainer

_SCENES = 0.15
_FARTHEST = 5
_JITTER_SHARE = 0.5
_LARGEST_NOISE, _LARGEST_GAIN = 0.04, 0.15
_FIRST, _LAST = 0.2, 1.8  # of a weight that grows
_WEIGHTS = (50.0, 150.0, 450.0)
_WIDTH, _HEIGHT, _LEFT = 640, 340, 76
_COLORS = ("#222", "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
_MEASURED = ("structure", "tone", "style", "content", "e_stab", "sharpness")


def far(size: int, generator: torch.Generator) -> Tensor:
    """The motion between two frames that are 1 to 5 apart."""
    return random_flow(size, generator) * round(uniform(generator, 0.5, _FARTHEST + 0.5))


def still(size: int, generator: torch.Generator) -> Tensor:
    """No motion."""
    return torch.zeros(2, size, size)


def jitter(previous: Tensor, current: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Stronger noise in both frames, and another brightness in the second."""
    gain = 1 + uniform(generator, -1, 1) * _LARGEST_GAIN
    level = _LARGEST_NOISE * uniform(generator, 0, 1)
    before, now = (
        (frame + level * torch.randn(frame.shape, generator=generator)).clamp(0, 1)
        for frame in (previous, current * gain)
    )
    return before, now


# Style distance and temporal error.
Point = tuple[float, float]


@dataclass(frozen=True)
class Moving:
    """Photographs in some motion, seen by some camera."""

    pictures: PictureFiles
    motion: Motion = random_flow
    camera: Camera = light_and_noise

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """A pair of a random photograph."""
        index = int(torch.randint(len(self.pictures), (), generator=generator))
        return moving_pair(to_tensor(self.pictures[index]), size, generator, self.motion, self.camera)


def _today(pictures: PictureFiles) -> Sources:
    return [(1 - _SCENES, Moving(pictures)), (_SCENES, Scenes())]


def _with_jitter(pictures: PictureFiles, motion: Motion = random_flow) -> Sources:
    moving = (1 - _SCENES) * (1 - _JITTER_SHARE)
    return [(moving, Moving(pictures, motion)), (_JITTER_SHARE, Moving(pictures, still, jitter)),
            (1 - _JITTER_SHARE - moving, Scenes())]  # fmt: skip


def _far(pictures: PictureFiles) -> Sources:
    return [(1 - _SCENES, Moving(pictures, far)), (_SCENES, Scenes())]


def _constant(done: float) -> float:
    return 1.0


def _growing(done: float) -> float:
    return _FIRST + (_LAST - _FIRST) * done


@dataclass(frozen=True)
class Way:
    """What a network learns from, and how its temporal weights change in the course of a run (done: 0 to 1)."""

    sources: Callable[[PictureFiles], Sources]
    factor: Callable[[float], float] = _constant


WAYS = {
    "today": Way(_today),
    "jitter": Way(_with_jitter),
    "far": Way(_far),
    "late": Way(_today, _growing),
    "both": Way(lambda pictures: _with_jitter(pictures, far)),
}


def train(style: str, way: Way, weight: float, pictures: PictureFiles, file: Path, args: argparse.Namespace) -> None:
    """Go on from the shipped network, and write what it became to `file`."""
    start = find_style(style, "fast")
    recipe = read_metadata(start)["recipe"]
    known = recipe["settings"]
    usual = LossWeights(**known["weights"])
    grown = weight / usual.output_temporal
    weights = replace(usual, output_temporal=weight, feature_temporal=usual.feature_temporal * grown)
    settings = TrainingSettings(
        steps=args.steps, learning_rate=args.learning_rate, temporal=1.0, weights=weights, seed=args.seed
    )
    picture = style_picture(args.paintings / recipe["picture"], known.get("style_scale", 1.0))
    loss_network = load_loss_network(args.loss_network)
    trainer = Trainer(settings, loss_network, picture, torch.device("cpu"), start=start)
    sources = way.sources(pictures)
    for step in range(args.steps):
        factor = way.factor(step / args.steps)
        trainer.settings = replace(settings, weights=replace(
            weights, output_temporal=weights.output_temporal * factor,
            feature_temporal=weights.feature_temporal * factor,
        ))  # fmt: skip
        trainer.train_step(sample_batch(sources, settings, step))
    made = {"picture": recipe["picture"], "start": recipe, "settings": settings.to_dict(), "steps": args.steps}
    save_weights(file, trainer.average, made)


def scores(clips: Sequence[Path], entry: Entry, comparator: Comparator, args: argparse.Namespace) -> list[float]:
    """Means over the clips, in the order of `_MEASURED`."""
    with torch.no_grad():
        rows = [numbers(measure(clip, [entry], comparator, args)[0]) for clip in clips]
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def beside(point: Point, curve: Sequence[Point]) -> float | None:
    """A point's temporal error as a share of a curve's at the same style distance; None where the curve has none."""
    styles, errors = np.array(sorted(curve)).T
    if not styles[0] <= point[0] <= styles[-1]:
        return None
    return float(point[1] / np.interp(point[0], styles, errors))


def plot(style: str, curves: Mapping[str, Sequence[Point]]) -> str:
    """Temporal error over style distance, a curve a way and a circle for the shipped network, as SVG."""
    points = [point for curve in curves.values() for point in curve]
    low, high = ([edge(values) for values in zip(*points, strict=True)] for edge in (min, max))

    def place(point: Point) -> tuple[float, float]:
        x, y = ((value - least) / (most - least) for value, least, most in zip(point, low, high, strict=True))
        return _LEFT + (_WIDTH - _LEFT - 90) * x, 20 + (_HEIGHT - 70) * (1 - y)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
             f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
             f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{style}: style distance</text>'
             f'<text x="14" y="{_HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {_HEIGHT / 2})">'
             'temporal error</text>']  # fmt: skip
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = (least + share * (most - least) for least, most in zip(low, high, strict=True))
        across, down = place((x, y))
        parts += [f'<path d="M{_LEFT},{down:.1f}H{_WIDTH - 90}" stroke="#ddd"/>'
                  f'<text x="{_LEFT - 4}" y="{down + 4:.1f}" text-anchor="end">{y:.4f}</text>'
                  f'<text x="{across:.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{x:.3f}</text>']  # fmt: skip
    for (way, curve), color in zip(curves.items(), _COLORS, strict=False):
        places = [place(point) for point in curve]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts += [f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>']
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
        x, y = places[0]
        parts += [f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" fill="{color}">{way}</text>']
    return "".join([*parts, "</svg>\n"])


def main() -> None:
    """Train what is missing, measure what is new, print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", action="append", required=True)
    parser.add_argument("--way", action="append", choices=list(WAYS))
    parser.add_argument("--weight", action="append", type=float, help="of the output temporal loss")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=8e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--paintings", type=Path, required=True, help="folder of the style pictures")
    parser.add_argument("--loss-network", default="compact", help="for training")
    parser.add_argument("--measured-by", default="compact", help="a loss network that trained nothing")
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--skip", type=int, default=12)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--no-training", action="store_true", help="show what has been trained so far")
    parser.add_argument("-o", "--output", type=Path, help="folder of the plots")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    comparator = Comparator(load_loss_network(args.measured_by))
    ways = args.way or list(WAYS)
    print(f"{len(args.clips)} clips, {args.frames} frames each; style and content by {comparator.name}")
    print(f"{'':<12}{'way':<8}{'weight':>7}" + "".join(f"{column:>11}" for column in _MEASURED) + "   of today's curve")
    for style in args.style:
        asked = {"shipped": [0.0], **dict.fromkeys(ways, args.weight or _WEIGHTS)}
        found = {
            way: [_row(style, way, weight, comparator, args) for weight in weights] for way, weights in asked.items()
        }
        rows = {way: there for way, each in found.items() if (there := [row for row in each if row])}
        curves = {way: [(row["style"], row["e_stab"]) for row in each] for way, each in rows.items()}
        for way, each in rows.items():
            for row, point in zip(each, curves[way], strict=True):
                share = beside(point, curves["today"]) if "today" in curves else None
                print(f"{style:<12}{way:<8}{row['weight']:>7g}" + "".join(f"{row[name]:>11.4f}" for name in _MEASURED)
                      + (f"{share:>10.0%}" if share else ""), flush=True)  # fmt: skip
        if args.output:
            (args.output / f"temporal-{style}.svg").write_text(plot(style, curves))


def _row(style: str, way: str, weight: float, comparator: Comparator, args: argparse.Namespace) -> dict[str, float]:
    """The figures of a network, which is trained and measured unless that has been done; none without training."""
    file = args.work / f"{style}-{way}-{weight:g}.safetensors"
    facts = file.with_suffix(".json")
    if not facts.exists():
        if way == "shipped":
            file = find_style(style, "fast")
        elif not file.exists() and args.no_training:
            return {}
        elif not file.exists():
            pictures = PictureFiles(find_files([args.data], PICTURES), TrainingSettings.size)
            train(style, WAYS[way], weight, pictures, file, args)
        entry = read_entry(way, file, args.paintings, comparator)
        facts.write_text(json.dumps(scores(args.clips, entry, comparator, args)))
        print(f"measured {file.stem}", file=sys.stderr)
    return {**dict(zip(_MEASURED, json.loads(facts.read_text()), strict=True)), "weight": weight}


if __name__ == "__main__":
    main()
