"""PyTorch: every device; half precision, channels-last and CUDA graphs on GPUs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from reconet_cli.engines.graph import LEVELS, SIXTEEN_BIT_LEVELS, FrameGraph
from reconet_cli.engines.pool import Pool
from reconet_cli.engines.rewrites import fold_upscaling
from reconet_cli.engines.torch.cuda_graph import CudaGraphRunner, full_float32
from reconet_cli.engines.torch.gather import Gather, PaintAll
from reconet_cli.errors import EngineError
from reconet_cli.model.network import ReCoNet
from reconet_cli.system.failures import reason
from reconet_cli.system.processors import processors

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Batches at a time on a CUDA device, one is computed while the other travels; and how many pixels and frames one has at
# most: large frames keep a device busy by themselves.
_CUDA_GRAPHS = 2
_BATCH_PIXELS = 1 << 20
_MOST_FRAMES = 4

Paint = Callable[[np.ndarray], np.ndarray]
T = TypeVar("T")


class TorchEngine:
    """A network on one PyTorch device, for frames `(height, width)`, uint8 or (`sixteen_bit`) uint16.

    Raises `EngineError` for precisions that are not there, and where a CUDA device lacks the memory for a frame.
    """

    def __init__(
        self,
        network: ReCoNet,
        height: int,
        width: int,
        device: torch.device,
        precision: str,
        *,
        sixteen_bit: bool = False,
    ) -> None:
        self._device = device
        torch.set_num_threads(min(torch.get_num_threads(), processors()))
        if precision == "auto":
            precision = "fp32" if device.type == "cpu" else "fp16"
        if precision not in _DTYPES:
            raise EngineError(f"PyTorch cannot run in {precision}", f"choose one of {', '.join(_DTYPES)}")
        self._dtype = _DTYPES[precision]
        self._kind = torch.int32 if sixteen_bit else torch.uint8
        self.precision = precision
        self.description = f"PyTorch {device.type} {precision}"
        self.concurrency = 1
        self._paint = self._of_frames(network, (height, width, 3), sixteen_bit=sixteen_bit)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)` of the size and type given at the start."""
        return self._paint(frame)

    def _exactly(self, paint: Paint) -> Paint:
        """The same in full float32, where convolutions are chosen when they run; in a graph they were chosen before."""
        return full_float32()(paint) if self._device.type == "cuda" else paint

    def _of_frames(self, network: ReCoNet, shape: tuple[int, int, int], *, sixteen_bit: bool) -> Paint:
        folded = fold_upscaling(network).to(self._device, self._dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        graph = FrameGraph(folded, self._dtype, SIXTEEN_BIT_LEVELS if sixteen_bit else LEVELS)
        step_by_step = self._exactly(partial(self._run, graph))
        if self._device.type == "cuda":
            most = max(1, min(_MOST_FRAMES, _BATCH_PIXELS // (shape[0] * shape[1])))
            try:
                graphs, most = largest_batch(most, partial(self._captured, graph, shape))
                self.concurrency = _CUDA_GRAPHS * most
                return Gather(graphs, most)
            except RuntimeError as problem:  # what cannot be captured may still be run step by step
                self.description += f", without CUDA graphs ({reason(problem)})"
            try:
                step_by_step(np.zeros(shape, np.uint16 if sixteen_bit else np.uint8))
            except torch.OutOfMemoryError as problem:
                torch.cuda.empty_cache()
                raise EngineError(
                    f"frames of {shape[1]}x{shape[0]} do not fit into the GPU's memory",
                    "--size or --scale makes them smaller; --device cpu has the machine's memory",
                ) from problem
        return step_by_step

    def _captured(self, graph: FrameGraph, shape: tuple[int, int, int], most: int) -> Pool[PaintAll]:
        return Pool(CudaGraphRunner(graph, shape, self._kind, self._device, most) for _ in range(_CUDA_GRAPHS))

    @torch.inference_mode()
    def _run(self, graph: FrameGraph, frame: np.ndarray) -> np.ndarray:
        whole = frame if self._kind == torch.uint8 else frame.astype(np.int32)
        batch = torch.from_numpy(whole)[None].to(self._device)
        painted: np.ndarray = graph(batch)[0].contiguous().cpu().numpy()
        return painted.astype(frame.dtype, copy=False)


def largest_batch(most: int, make: Callable[[int], T]) -> tuple[T, int]:
    """What `make(count)` makes for the largest of `most`, half of it, …, 1 frames that fits into a device's memory.

    Raises `torch.OutOfMemoryError` where not even one frame fits, and what else `make` raises.
    """
    while True:
        try:
            return make(most), most
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if most == 1:
                raise
        most //= 2
