"""What `--deflicker` gains and costs: each clip and style, painted frame by frame and then deflickered.

    python benchmarks/deflicker.py CLIPS --style mosaic --picture examples/mosaic.jpg [--style starry --picture …]
        [--half chosen] [--loss-network squeezenet1_1.npz] [--without runs/mosaic-without/fast.safetensors …]

CLIPS are files and folders of clips. Sorted by name, every second one, from the first, is of the half that settings are
chosen on; the others are kept out and only looked at to report. `--half` shows one of the two.

Columns are those of `reconet evaluate`: e_stab of the style's network and of the row's clip, then the row's values as
shares of the network's, and the CPU time of deflickering a frame on one thread. `--without`, once a style, is a network
for the same picture that was trained without the temporal losses; it is not deflickered. The flow is DIS medium at full
size, the deflicker's own DIS at half size: related, so `reconet evaluate --method deepflow --deflicker` is the
stricter comparator.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli.engines import Engine, load_engine
from reconet_cli.evaluation.clip import ClipScore, Evaluator
from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.stylizing.deflicker import Deflicker
from reconet_cli.training.data.sources import style_picture


def frames_of(clip: Path, count: int, width: int, height: int) -> Iterator[np.ndarray]:
    """The first frames of a clip as RGB uint8, the middle of them, brought to (width, height)."""
    capture = cv2.VideoCapture(str(clip))
    try:
        for _ in range(count):
            there, frame = capture.read()
            if not there:
                return
            down, across = frame.shape[:2]
            kept = min(down, round(across * height / width)), min(across, round(down * width / height))
            top, left = (down - kept[0]) // 2, (across - kept[1]) // 2
            frame = frame[top : top + kept[0], left : left + kept[1]]
            way = cv2.INTER_AREA if kept[1] > width else cv2.INTER_CUBIC
            yield cv2.cvtColor(cv2.resize(frame, (width, height), interpolation=way), cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def deflickered(sources: list[np.ndarray], painted: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """The clip without flicker, and the median CPU milliseconds of a frame."""
    deflicker, results, costs = Deflicker(), [], []
    for source, fresh in zip(sources, painted, strict=True):
        began = time.thread_time()
        results.append(deflicker(source, fresh))
        costs.append(time.thread_time() - began)
    return results, statistics.median(costs) * 1000


def row(name: str, network: ClipScore, other: ClipScore, cost: float) -> list[float]:
    """Print a line and return its shares."""
    shares = [other.error(span) / network.error(span) for span in (1, 5, 10)]
    shares += [other.style / network.style, other.sharpness / network.sharpness]
    absolute = f"{network.error():8.4f}{other.error():8.4f}"
    print(f"{name:<34}{absolute}" + "".join(f"{share:8.0%}" for share in shares) + f"{cost:8.1f}", flush=True)
    return [*shares, cost]


def measured(
    clip: Path, engines: list[Engine], comparator: Comparator, grams: list[torch.Tensor], args: argparse.Namespace
) -> tuple[list[ClipScore], float]:
    """The first engine's paintings, the same deflickered, and the other engines' paintings; the cost of it."""
    width, height = (int(n) for n in args.size.split("x"))
    sources = list(frames_of(clip, args.frames, width, height))
    painted, *others = ([engine(frame) for frame in sources] for engine in engines)
    calm, cost = deflickered(sources, painted)
    clips = [painted, calm, *others]
    evaluator = Evaluator([str(n) for n in range(len(clips))], comparator=comparator, grams=[grams] * len(clips))
    for source, *paintings in zip(sources, *clips, strict=True):
        evaluator.add(source, paintings)
    return evaluator.result.painted, cost


def halves(paths: list[Path]) -> dict[str, list[Path]]:
    """The clips that settings are chosen on, and those that are kept out: every second one by name."""
    clips = [clip for path in paths for clip in (path.iterdir() if path.is_dir() else [path])]
    clips.sort(key=lambda clip: clip.name)
    return {"chosen": clips[::2], "kept-out": clips[1::2]}


def means(name: str, rows: list[list[float]]) -> None:
    """Print the means of rows, and the largest share of e_stab."""
    values = [statistics.mean(column) for column in zip(*rows, strict=True)]
    shares = "".join(f"{value:8.0%}" for value in values[:-1])
    print(f"{name:<34}{'':16}{shares}{values[-1]:8.1f}   worst {max(row[0] for row in rows):.0%}", flush=True)


def table(title: str, clips: list[Path], comparator: Comparator, args: argparse.Namespace) -> None:
    """Measure clips in every style and print their rows and means."""
    print(f"\n{title}: {', '.join(clip.name for clip in clips)}")
    print(f"{'':<34}{'network':>8}{'this':>8}{'e_stab':>8}{'t-5':>8}{'t-10':>8}{'style':>8}{'sharp':>8}{'CPU ms':>8}")
    width, height = (int(n) for n in args.size.split("x"))
    everything = []
    for style, picture, without in zip(args.style, args.picture, args.without or [None] * len(args.style), strict=True):
        grams = comparator.grams(style_picture(picture, 1.0))
        engines = [load_engine(name, height=height, width=width) for name in (style, without) if name]
        rows: dict[str, list[list[float]]] = {}
        for clip in clips:
            (network, *others), cost = measured(clip, engines, comparator, grams, args)
            for kind, other, its_cost in zip(("calm", "without"), others, (cost, 0.0), strict=False):
                name = f"{style} {clip.stem}"[:25]
                rows.setdefault(kind, []).append(row(f"{name} {kind}", network, other, its_cost))
        for kind, values in rows.items():
            means(f"{style}, {kind}, mean", values)
        everything += rows["calm"]
    means(f"{title}, all styles, mean", everything)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--half", choices=("chosen", "kept-out"))
    parser.add_argument("--style", action="append", required=True)
    parser.add_argument("--picture", action="append", required=True, type=Path)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", default="640x360")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    comparator = Comparator(load_loss_network(args.loss_network))
    for title, clips in halves(args.clips).items():
        if args.half in (None, title) and clips:
            table(title, clips, comparator, args)


if __name__ == "__main__":
    main()
