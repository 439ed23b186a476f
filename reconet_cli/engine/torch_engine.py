"""PyTorch: every device; half precision, channels-last on GPUs."""

from __future__ import annotations

import numpy as np
import torch

from reconet_cli.engine.devices import choose_device
from reconet_cli.engine.graph import DEEP_LEVELS, LEVELS, FrameGraph
from reconet_cli.engine.rewrites import fold_upscaling
from reconet_cli.errors import EngineError
from reconet_cli.model.network import ReCoNet
from reconet_cli.processors import processors

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """A network on one PyTorch device, for uint8 frames or (`deep`) uint16 ones."""

    lanes = 1

    def __init__(self, network: ReCoNet, device: str, precision: str, *, deep: bool = False) -> None:
        self._device = choose_device(device)
        torch.set_num_threads(min(torch.get_num_threads(), processors()))
        if precision == "auto":
            precision = "fp32" if self._device.type == "cpu" else "fp16"
        if precision not in _DTYPES:
            raise EngineError(f"PyTorch cannot run in {precision}", f"choose one of {', '.join(_DTYPES)}")
        dtype = _DTYPES[precision]
        folded = fold_upscaling(network).to(self._device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._graph = FrameGraph(folded, dtype, DEEP_LEVELS if deep else LEVELS)
        self._deep = deep
        self.precision = precision
        self.description = f"PyTorch {self._device.type} {precision}"

    @torch.inference_mode()
    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)`."""
        batch = torch.from_numpy(frame.astype(np.int32) if self._deep else frame)[None].to(self._device)
        painted = self._graph(batch)[0].contiguous().cpu().numpy()
        return painted.astype(frame.dtype, copy=False)
