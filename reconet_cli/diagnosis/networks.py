"""Networks alone, in turns, so that a machine that drifts slows all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

Paint = Callable[[np.ndarray], np.ndarray]
# Seconds that each contestant gets in a round, and rounds; the median of the rounds counts.
ROUND = 1.0
_ROUNDS = 5


def example_frame(height: int, width: int) -> np.ndarray:
    """A smooth colorful frame `(H, W, 3)`, uint8; speed does not depend on what it shows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = np.stack([np.sin(x / 37 + y / 91), np.cos(y / 53), np.sin((x + y) / 71)], -1)
    return np.round(waves * 100 + 128).astype(np.uint8)


def eager(weights: Path) -> Paint:
    """The network as its author would run it: plain float32 PyTorch, one frame after the other, on the CPU."""
    import torch

    from reconet_cli.engines.graph import FrameGraph
    from reconet_cli.model.weights import load_weights

    graph = FrameGraph(load_weights(weights))

    @torch.inference_mode()
    def paint(frame: np.ndarray) -> np.ndarray:
        painted: np.ndarray = graph(torch.from_numpy(frame)[None])[0].numpy()
        return painted

    return paint


def frames_per_second(contestants: Mapping[str, Paint], frame: np.ndarray) -> dict[str, float]:
    """Frames a second of each contestant, as many at a time as it has `concurrency`; the median of some rounds."""
    batches = {name: _batch(paint, frame) for name, paint in contestants.items()}
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(_ROUNDS):
        for name, paint in contestants.items():
            rates[name].append(batches[name] / _seconds(paint, frame, batches[name]))
    return {name: statistics.median(values) for name, values in rates.items()}


def _batch(paint: Paint, frame: np.ndarray) -> int:
    """How many frames fill a round; the first ones warm up."""
    _seconds(paint, frame, 2)
    return max(2, round(ROUND / (_seconds(paint, frame, 2) / 2)))


def _seconds(paint: Paint, frame: np.ndarray, frames: int) -> float:
    with ThreadPoolExecutor(getattr(paint, "concurrency", 1)) as pool:
        start = time.perf_counter()
        list(pool.map(paint, [frame] * frames))
        return time.perf_counter() - start
