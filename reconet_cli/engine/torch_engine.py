"""PyTorch: every device; half precision, channels-last on GPUs."""

from __future__ import annotations

import numpy as np
import torch

from reconet_cli.engine.devices import choose_device
from reconet_cli.engine.graph import FrameGraph
from reconet_cli.engine.rewrites import fold_upscaling
from reconet_cli.errors import EngineError
from reconet_cli.model.network import ReCoNet

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """A network on one PyTorch device."""

    lanes = 1

    def __init__(self, network: ReCoNet, device: str, precision: str) -> None:
        self._device = choose_device(device)
        if precision == "auto":
            precision = "fp32" if self._device.type == "cpu" else "fp16"
        if precision not in _DTYPES:
            raise EngineError(f"PyTorch cannot run in {precision}", f"choose one of {', '.join(_DTYPES)}")
        dtype = _DTYPES[precision]
        folded = fold_upscaling(network).to(self._device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._graph = FrameGraph(folded, dtype)
        self.description = f"PyTorch {self._device.type} {precision}"

    @torch.inference_mode()
    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint a uint8 RGB frame `(H, W, 3)`."""
        batch = torch.from_numpy(frame)[None].to(self._device)
        return self._graph(batch)[0].contiguous().cpu().numpy()
