"""What `--stabilize` gains and costs: each clip and style, painted frame by frame and then steadied.

    python benchmarks/stabilize.py CLIP... --style mosaic --picture examples/mosaic.jpg [--style starry --picture …]

Columns are those of `reconet evaluate`: absolute for e_stab, then shares of the network's own values, and the CPU time
of steadying a frame on one thread. The flow is DIS medium at full size, the stabilizer's own DIS at half size: related,
so `reconet evaluate --method deepflow --stabilize` is the stricter judge.
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

from reconet_cli.engine import load_engine
from reconet_cli.evaluation.clip import ClipScore, Evaluator
from reconet_cli.evaluation.perception import Judge
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.stabilizing import Stabilizer
from reconet_cli.training.run import style_picture


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


def steadied(sources: list[np.ndarray], painted: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """The steady clip, and the median CPU milliseconds of a frame."""
    stabilizer, results, costs = Stabilizer(), [], []
    for source, fresh in zip(sources, painted, strict=True):
        began = time.thread_time()
        results.append(stabilizer(source, fresh))
        costs.append(time.thread_time() - began)
    return results, statistics.median(costs) * 1000


def row(name: str, plain: ClipScore, steady: ClipScore, cost: float) -> list[float]:
    """Print a line and return its shares."""
    shares = [steady.error(span) / plain.error(span) for span in (1, 5, 10)]
    shares += [steady.style / plain.style, steady.sharpness / plain.sharpness]
    absolute = f"{plain.error():8.4f}{steady.error():8.4f}"
    print(f"{name:<34}{absolute}" + "".join(f"{share:8.0%}" for share in shares) + f"{cost:8.1f}", flush=True)
    return [*shares, cost]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", action="append", required=True)
    parser.add_argument("--picture", action="append", required=True, type=Path)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--size", default="640x360")
    args = parser.parse_args()
    width, height = (int(n) for n in args.size.split("x"))
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    judge = Judge(load_loss_network("compact"))
    print(f"{'':<34}{'network':>8}{'steady':>8}{'e_stab':>8}{'t-5':>8}{'t-10':>8}{'style':>8}{'sharp':>8}{'CPU ms':>8}")
    for style, picture in zip(args.style, args.picture, strict=True):
        grams = judge.grams(style_picture(picture, 1.0))
        engine = load_engine(style, height=height, width=width)
        rows = []
        for clip in args.clips:
            sources = list(frames_of(clip, args.frames, width, height))
            painted = [engine(frame) for frame in sources]
            results, cost = steadied(sources, painted)
            evaluator = Evaluator(["network", "steady"], judge=judge, grams=[grams, grams])
            for source, *pair in zip(sources, painted, results, strict=True):
                evaluator.add(source, pair)
            plain, steady = evaluator.result.painted
            rows.append(row(f"{style} {clip.stem}"[:33], plain, steady, cost))
        means = [statistics.mean(column) for column in zip(*rows, strict=True)]
        print(f"{style + ', mean':<34}{'':16}" + "".join(f"{mean:8.0%}" for mean in means[:-1]) + f"{means[-1]:8.1f}")


if __name__ == "__main__":
    main()
