"""Frames through captured CUDA graphs, with page-locked memory at both ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reconet_cli.engines.graph import FrameGraph

# Runs before the capture: cuDNN chooses its algorithms in the first ones.
_WARM_RUNS = 3


# The settings are the process's: of two threads, the one that ends last would put back what the other has set.
_SETTINGS = threading.RLock()


@contextmanager
def full_float32(*, benchmark: bool | None = None) -> Iterator[None]:
    """Convolutions without TF32, which keeps 10 bits of a number; the caller's other settings stay as they are.

    `benchmark` is whether cuDNN tries its algorithms, None for what is set. One thread at a time.
    """
    cudnn = torch.backends.cudnn
    with (
        _SETTINGS,
        cudnn.flags(
            enabled=cudnn.enabled,
            benchmark=cudnn.benchmark if benchmark is None else benchmark,
            benchmark_limit=cudnn.benchmark_limit,
            deterministic=cudnn.deterministic,
            allow_tf32=False,
        ),
    ):
        yield


class CudaGraphRunner:
    """Paints up to `most` frames of one size at a time, on a stream of its own.

    A fast network's time on a GPU is mostly that of launching its hundred kernels; a graph launches them at once, for
    all frames of a batch. While one graph computes, another one's frames travel. Raises `RuntimeError` where the device
    cannot capture.
    """

    def __init__(
        self, graph: FrameGraph, shape: tuple[int, int, int], kind: torch.dtype, device: torch.device, most: int
    ) -> None:
        """For frames of a `shape` `(H, W, 3)`, given to the graph as integers of a `kind`."""
        self._arriving = torch.zeros(most, *shape, dtype=kind, pin_memory=True)
        self._leaving = torch.zeros(most, *shape, dtype=kind, pin_memory=True)
        self._frames = torch.zeros(most, *shape, dtype=kind, device=device)
        self._stream = torch.cuda.Stream(device)
        # One graph for each number of frames; they never run at the same time, so they share their memory.
        memory = torch.cuda.graph_pool_handle()
        with torch.no_grad(), torch.cuda.device(device), full_float32(benchmark=True):
            self._captured = {count: self._capture(graph, count, memory) for count in range(most, 0, -1)}

    def _capture(self, graph: FrameGraph, count: int, memory: Any) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        """A graph for `count` frames, and where it leaves them."""
        frames = self._frames[:count]
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_RUNS):
                graph(frames)
        captured = torch.cuda.CUDAGraph()
        # Another style may be painting meanwhile, on threads of its own.
        with torch.cuda.graph(captured, pool=memory, stream=self._stream, capture_error_mode="thread_local"):
            painted = graph(frames).contiguous()
        return captured, painted

    def __call__(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Paint RGB frames."""
        count = len(frames)
        for place, frame in zip(self._arriving.numpy(), frames, strict=False):
            np.copyto(place, frame)
        captured, painted = self._captured[count]
        with torch.cuda.stream(self._stream):
            self._frames[:count].copy_(self._arriving[:count], non_blocking=True)
            captured.replay()
            self._leaving[:count].copy_(painted, non_blocking=True)
        self._stream.synchronize()
        return [place.astype(frame.dtype) for place, frame in zip(self._leaving.numpy(), frames, strict=False)]
