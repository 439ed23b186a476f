"""OpenVINO: the fastest engine on CPUs; the model is compiled once for the frame's size."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import torch

from reconet_cli.engine.graph import FrameGraph
from reconet_cli.engine.rewrites import fold_upscaling
from reconet_cli.errors import EngineError
from reconet_cli.model.network import ReCoNet

_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
# Small enough to time in a blink, large enough to keep all vector units busy.
_TRIAL_SIZE = (180, 320)
_TRIAL_RUNS = 4


class OpenVINOEngine:
    """A network on OpenVINO for frames of one size. Raises `EngineError` for a precision the device lacks."""

    def __init__(self, network: ReCoNet, height: int, width: int, device: str, precision: str) -> None:
        import openvino

        core = openvino.Core()
        target = "CPU" if device in ("auto", "cpu") else device.upper()
        capabilities = _capabilities(core, target)
        folded = fold_upscaling(network)
        if precision == "auto":
            precision = _fastest_precision(core, folded, target, capabilities)
        if precision not in _HINTS or (precision != "fp32" and precision.upper() not in capabilities):
            raise EngineError(
                f"OpenVINO on {target} cannot run in {precision}", "--precision auto picks one that it can"
            )
        compiled = _compile(core, folded, (height, width), target, precision)
        self._request = compiled.create_infer_request()
        self.description = f"OpenVINO {target} {precision}"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint a uint8 RGB frame `(H, W, 3)` of the size given at the start."""
        self._request.infer([frame[None]], share_inputs=True)
        # The output tensor is used again for the next frame, so the result must be a copy.
        return np.array(self._request.get_output_tensor().data[0])


def _capabilities(core: Any, device: str) -> list[str]:
    try:
        return list(core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
    except RuntimeError as problem:
        devices = ", ".join(core.available_devices)
        raise EngineError(f"OpenVINO has no device {device}", f"it has {devices}") from problem


def _convert(network: ReCoNet, size: tuple[int, int]) -> Any:
    import openvino

    example = torch.zeros(1, *size, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # Tracing warns about sizes becoming constants, which is what a model for one size wants.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        return openvino.convert_model(FrameGraph(network), example_input=example, input=list(example.shape))


def _compile(core: Any, network: ReCoNet, size: tuple[int, int], device: str, precision: str) -> Any:
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[precision]}
    return core.compile_model(_convert(network, size), device, hints)


def _fastest_precision(core: Any, network: ReCoNet, device: str, capabilities: list[str]) -> str:
    """bf16 where a short trial finds it faster than fp32; some CPUs have its instructions and run slower."""
    candidates = ["fp32", *(name for name in ("bf16",) if name.upper() in capabilities)]
    if len(candidates) == 1:
        return candidates[0]
    frame = np.random.default_rng(0).integers(0, 256, (1, *_TRIAL_SIZE, 3), dtype=np.uint8)
    times = {}
    for precision in candidates:
        request = _compile(core, network, _TRIAL_SIZE, device, precision).create_infer_request()
        request.infer([frame])
        runs = []
        for _ in range(_TRIAL_RUNS):
            start = time.perf_counter()
            request.infer([frame])
            runs.append(time.perf_counter() - start)
        times[precision] = min(runs)
    return min(times, key=times.__getitem__)
