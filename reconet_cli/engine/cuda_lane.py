"""Frames through a captured CUDA graph, with page-locked memory at both ends."""

from __future__ import annotations

import numpy as np
import torch

from reconet_cli.engine.graph import FrameGraph

# Runs before the capture: cuDNN chooses its algorithms in the first ones.
_WARM_RUNS = 3


class CudaLane:
    """Paints frames of one size, one at a time, on a stream of its own.

    A fast network's time on a GPU is mostly that of launching its hundred kernels; a graph launches them at once. While
    one lane computes, another one's frames travel. Raises `RuntimeError` where the device cannot capture.
    """

    def __init__(self, graph: FrameGraph, shape: tuple[int, int, int], kind: torch.dtype, device: torch.device) -> None:
        """For frames of a `shape` `(H, W, 3)`, given to the graph as integers of a `kind`."""
        self._arriving = torch.zeros(1, *shape, dtype=kind, pin_memory=True)
        self._leaving = torch.zeros(1, *shape, dtype=kind, pin_memory=True)
        self._frame = torch.zeros(1, *shape, dtype=kind, device=device)
        self._stream = torch.cuda.Stream(device)
        self._captured = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.device(device), torch.backends.cudnn.flags(enabled=True, benchmark=True):
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                for _ in range(_WARM_RUNS):
                    graph(self._frame)
            # Another style may be painting meanwhile, on threads of its own.
            with torch.cuda.graph(self._captured, stream=self._stream, capture_error_mode="thread_local"):
                self._painted = graph(self._frame).contiguous()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame."""
        np.copyto(self._arriving.numpy()[0], frame)
        with torch.cuda.stream(self._stream):
            self._frame.copy_(self._arriving, non_blocking=True)
            self._captured.replay()
            self._leaving.copy_(self._painted, non_blocking=True)
        self._stream.synchronize()
        return self._leaving.numpy()[0].astype(frame.dtype)
