"""How good the shipped styles are, beside other weights of the same styles: one table, means over clips.

    python benchmarks/styles.py CLIP... --paintings FOLDER --loss-network squeezenet.npz [--before FOLDER]

Give clips that no training used. Of each, a few frames in a row are painted. The loss network should be
one that trained nothing. `--before` is another folder of styles, such as the `weights` of an earlier commit. The last
column is the share of the detail of a painted flat picture that repeats every 8 pixels: a lattice that people see in
skies as dots or a grid.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from reconet_cli.evaluation.clip import ClipScore, Evaluator
from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.flow.clips.frames import open_frames
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.network import ReCoNet
from reconet_cli.model.tensors import to_tensor
from reconet_cli.model.weights import load_weights, read_metadata
from reconet_cli.styles.finding import list_styles
from reconet_cli.training.data.sources import style_picture

_COLUMNS = ("structure", "tone", "style", "content", "e_stab", "sharpness", "lattice")
_PERIOD = 8
_LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Entry:
    """A style's network and the Gram matrices of its picture, if that is at hand."""

    name: str
    network: ReCoNet
    grams: list[Tensor] | None

    def paint(self, frame: np.ndarray) -> np.ndarray:
        """An RGB uint8 frame `(H, W, 3)`, painted."""
        painted = self.network(to_tensor(frame)[None])[0].clamp(0, 1)
        return (painted.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def read_entry(name: str, file: Path, paintings: Path, comparator: Comparator) -> Entry:
    """Read a weights file; its recipe names the picture and its scale."""
    recipe = read_metadata(file)["recipe"]
    picture = paintings / recipe["picture"]
    scale = recipe["settings"].get("style_scale", 1.0)
    grams = comparator.grams(style_picture(picture, scale)) if picture.exists() else None
    return Entry(name, load_weights(file), grams)


def lattice(entry: Entry) -> float:
    """The share of a painted flat picture's detail that repeats every 8 pixels both ways, 0 to 1."""
    sky = np.linspace(150, 210, 512)[:, None, None] + np.random.default_rng(0).normal(0, 2, (512, 512, 1))
    painted = entry.paint(np.broadcast_to(sky, (512, 512, 3)).clip(0, 255).astype(np.uint8)) @ _LUMA
    detail = (painted - cv2.GaussianBlur(painted, (0, 0), _PERIOD))[64:-64, 64:-64]
    side = detail.shape[0] // _PERIOD
    phases = detail.reshape(side, _PERIOD, side, _PERIOD).mean((0, 2))
    # Of detail without a lattice, means over so many places still vary by chance.
    chance = detail.var() / side**2
    return float(max(0.0, phases.var() - chance) / max(detail.var(), 1e-9))


def measure(clip: Path, entries: list[Entry], comparator: Comparator, args: argparse.Namespace) -> list[ClipScore]:
    """All measures of all styles on a few frames of one clip."""
    evaluator = Evaluator(
        [entry.name for entry in entries], comparator=comparator, grams=[entry.grams for entry in entries]
    )
    with closing(open_frames(clip).read(args.height)) as frames:
        for frame in islice(frames, args.skip, args.skip + args.frames):
            evaluator.add(frame.pixels, [entry.paint(frame.pixels) for entry in entries])
    return evaluator.result.painted


def numbers(clip: ClipScore) -> list[float]:
    """One clip's measures, without the lattice."""
    return [clip.structure, clip.tone, clip.style, clip.content, clip.error(), clip.sharpness]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of the style pictures")
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--before", type=Path, help="another folder of styles")
    parser.add_argument("--style", action="append", help="only these styles")
    parser.add_argument("--variant", default="fast")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--skip", type=int, default=12, help="frames left out at the beginning of each clip")
    parser.add_argument("--height", type=int, default=360)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    comparator = Comparator(load_loss_network(args.loss_network))
    entries = []
    for style in list_styles():
        if args.variant not in style.variants or (args.style and style.name not in args.style):
            continue
        if args.before and (file := args.before / style.name / f"{args.variant}.safetensors").exists():
            entries.append(read_entry(f"{style.name} before", file, args.paintings, comparator))
        entries.append(read_entry(style.name, style.variants[args.variant], args.paintings, comparator))
    rows: dict[str, list[list[float]]] = {entry.name: [] for entry in entries}
    for path in args.clips:
        for score in measure(path, entries, comparator, args):
            rows[score.name].append(numbers(score))
    print(f"{len(args.clips)} clips, {args.frames} frames each; style and content by {comparator.name}")
    print(f"{'':<22}" + "".join(f"{column:>11}" for column in _COLUMNS))
    for entry in entries:
        means = [statistics.mean(column) for column in zip(*rows[entry.name], strict=True)]
        print(f"{entry.name:<22}" + "".join(f"{value:>11.3f}" for value in (*means, lattice(entry))), flush=True)
    print(f"\n{'e_stab, clip by clip':<22}" + "".join(f"{path.stem[:15]:>17}" for path in args.clips))
    for entry in entries:
        print(f"{entry.name:<22}" + "".join(f"{found[4]:>17.3f}" for found in rows[entry.name]), flush=True)


if __name__ == "__main__":
    main()
