"""Speed of a style on this machine: network alone and end to end, with ratios from one run.

    python benchmarks/speed.py examples/clip.mp4 --style mosaic

The peer is the same network as its author would run it: eager float32 PyTorch, one frame after the other. The paper's
network in eager float32 is measured too (random weights; speed does not depend on them). Rounds alternate between the
contestants, so that a drifting machine slows all alike; medians are shown.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from reconet_cli.engines import load_engine
from reconet_cli.engines.graph import FrameGraph
from reconet_cli.model.network import build_network
from reconet_cli.model.weights import load_weights
from reconet_cli.styles.finding import find_style

Paint = Callable[[np.ndarray], np.ndarray]


def eager(graph: FrameGraph) -> Paint:
    """A network in plain float32 PyTorch."""

    @torch.inference_mode()
    def paint(frame: np.ndarray) -> np.ndarray:
        return graph(torch.from_numpy(frame)[None])[0].numpy()

    return paint


def seconds_per_frame(paint: Paint, frame: np.ndarray, frames: int) -> float:
    """Mean time of a few frames, as many at a time as an engine paints."""
    with ThreadPoolExecutor(getattr(paint, "concurrency", 1)) as pool:
        start = time.perf_counter()
        list(pool.map(paint, [frame] * frames))
        return (time.perf_counter() - start) / frames


def compare(contestants: dict[str, tuple[Paint, int]], frame: np.ndarray, rounds: int) -> dict[str, float]:
    """Median seconds a frame of each contestant, measured in turns."""
    for paint, _ in contestants.values():
        paint(frame)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (paint, frames) in contestants.items():
            times[name].append(seconds_per_frame(paint, frame, frames))
    return {name: statistics.median(values) for name, values in times.items()}


def end_to_end(clip: Path, style: str, rounds: int, *more: str) -> tuple[str, float]:
    """The `reconet stylize` command's own closing line and its whole-process seconds, median of some rounds."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "reconet_cli", "stylize", str(clip), f"{folder}/out.mp4", "--style", style]
        for _ in range(rounds):
            start = time.perf_counter()
            shown = subprocess.run([*command, "-y", *more], capture_output=True, text=True, check=True).stderr
            results.append((time.perf_counter() - start, shown.strip().splitlines()[-1].split(": ")[0]))
    results.sort()
    seconds, line = results[len(results) // 2]
    return line, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    network = load_weights(find_style(args.style))
    engine = load_engine(args.style, height=height, width=width)
    contestants: dict[str, tuple[Paint, int]] = {
        engine.description: (engine, 20),
        "same network, eager fp32 PyTorch": (eager(FrameGraph(network)), 5),
        "paper's network, eager fp32 PyTorch": (eager(FrameGraph(build_network("paper").eval())), 1),
    }
    print(f"network alone, {width}x{height}, {torch.get_num_threads()} threads")
    times = compare(contestants, frame, args.rounds)
    fastest = times[engine.description]
    for name, seconds in times.items():
        print(f"  {name:<40}{1 / seconds:8.1f} fps   x{seconds / fastest:.1f}")
    print(f"end to end, {args.clip.name}")
    for name, more in {
        "default engine": (),
        "eager-like: --engine torch --precision fp32": ("--engine", "torch", "--precision", "fp32"),
    }.items():
        line, seconds = end_to_end(args.clip, args.style, min(args.rounds, 3), *more)
        print(f"  {name:<46}{line}; whole process {seconds:.1f} s")


if __name__ == "__main__":
    main()
