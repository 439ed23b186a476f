"""PyTorch: every device; half precision, channels-last and CUDA graphs on GPUs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import torch

from reconet_cli.engine.band_torch import banded_on_torch
from reconet_cli.engine.cuda_lane import CudaLane
from reconet_cli.engine.graph import DEEP_LEVELS, LEVELS, FrameGraph
from reconet_cli.engine.lanes import Lanes
from reconet_cli.engine.rewrites import fold_upscaling
from reconet_cli.errors import EngineError
from reconet_cli.model.network import ReCoNet
from reconet_cli.processors import processors

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Frames at a time on a CUDA device: one is computed while others travel.
_CUDA_LANES = 2

Paint = Callable[[np.ndarray], np.ndarray]


class TorchEngine:
    """A network on one PyTorch device, for frames `(height, width)`, uint8 or (`deep`) uint16.

    It paints band by band where that is asked for (`banded`) or a CUDA device lacks the memory for a frame as a whole.
    Raises `EngineError` for precisions that are not there.
    """

    def __init__(
        self,
        network: ReCoNet,
        height: int,
        width: int,
        device: torch.device,
        precision: str,
        *,
        deep: bool = False,
        banded: bool = False,
    ) -> None:
        self._device = device
        torch.set_num_threads(min(torch.get_num_threads(), processors()))
        if precision == "auto":
            precision = "fp32" if device.type == "cpu" else "fp16"
        if precision not in _DTYPES:
            raise EngineError(f"PyTorch cannot run in {precision}", f"choose one of {', '.join(_DTYPES)}")
        dtype = _DTYPES[precision]
        folded = fold_upscaling(network).to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._graph = FrameGraph(folded, dtype, DEEP_LEVELS if deep else LEVELS)
        self._kind = torch.int32 if deep else torch.uint8
        painters = [] if banded else self._of_whole_frames((height, width, 3))
        self.precision = precision
        self.description = f"PyTorch {device.type} {precision}"
        if not painters:
            painters = [banded_on_torch(network, device, dtype, deep=deep)]
            self.description += ", band by band to save memory"
        self._painters = Lanes(painters)
        self.lanes = len(painters)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)` of the size and type given at the start."""
        with self._painters.take() as paint:
            return paint(frame)

    def _of_whole_frames(self, shape: tuple[int, int, int]) -> list[Paint]:
        """One painter a lane, or none where the device lacks the memory."""
        if self._device.type == "cuda":
            # What cannot be captured, or lacks the memory for it, may still be run step by step.
            with suppress(RuntimeError):
                return [CudaLane(self._graph, shape, self._kind, self._device) for _ in range(_CUDA_LANES)]
            try:
                self._paint(np.zeros(shape, np.uint8))
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                return []
        return [self._paint]

    @torch.inference_mode()
    def _paint(self, frame: np.ndarray) -> np.ndarray:
        whole = frame if self._kind == torch.uint8 else frame.astype(np.int32)
        batch = torch.from_numpy(whole)[None].to(self._device)
        painted: np.ndarray = self._graph(batch)[0].contiguous().cpu().numpy()
        return painted.astype(frame.dtype, copy=False)
