"""OpenVINO: the fastest engine on CPUs; the model is compiled once for the frame's size."""

from __future__ import annotations

import time
import warnings
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch

from reconet_cli.engine.graph import DEEP_LEVELS, FrameGraph
from reconet_cli.engine.rewrites import fold_upscaling
from reconet_cli.errors import EngineError
from reconet_cli.model.network import ReCoNet

_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
# Frames painted at the same time, each on its share of the cores. With one frame on all of them, every layer waits for
# the core that decoder or encoder have just taken.
_LANES = 2
# Frames that decide between two precisions; the first of each warms up and does not count.
_TRIAL_FRAMES = 3


class OpenVINOEngine:
    """A network on OpenVINO for frames of one size, uint8 or (`deep`) uint16.

    Raises `EngineError` for a precision the device lacks.
    """

    def __init__(
        self, network: ReCoNet, height: int, width: int, device: str, precision: str, *, deep: bool = False
    ) -> None:
        import openvino

        core = openvino.Core()
        target = "CPU" if device in ("auto", "cpu") else device.upper()
        offered = _offered_precisions(core, target)
        # bf16 has 8 significant bits, too few for deep frames.
        usual = ("fp32",) if deep else ("fp32", "bf16")
        wanted = [name for name in usual if name in offered] if precision == "auto" else [precision]
        if not set(wanted) <= set(offered):
            raise EngineError(f"OpenVINO on {target} cannot run in {precision}", f"it offers {', '.join(offered)}")
        model = _convert(fold_upscaling(network), height, width, deep)
        requests = {name: _compile(core, model, target, name) for name in wanted}
        best = (
            min(wanted, key=lambda name: _frame_seconds(requests[name][0], height, width)) if wanted[1:] else wanted[0]
        )
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for request in requests[best]:
            self._idle.put(request)
        self.lanes = len(requests[best])
        self.precision = best
        self.description = f"OpenVINO {target} {best}"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)` of the size and type given at the start."""
        request = self._idle.get()
        try:
            request.infer([frame[None]], share_inputs=True)
            # The output tensor is used again for the next frame, so the result must be a copy.
            return np.array(request.get_output_tensor().data[0])
        finally:
            self._idle.put(request)


def _offered_precisions(core: Any, device: str) -> list[str]:
    try:
        capabilities = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    except RuntimeError as problem:
        raise EngineError(
            f"OpenVINO has no device {device}", f"it has {', '.join(core.available_devices)}"
        ) from problem
    return ["fp32", *(name for name in ("bf16", "fp16") if name.upper() in capabilities)]


def _convert(network: ReCoNet, height: int, width: int, deep: bool) -> Any:
    import openvino

    example = torch.zeros(1, height, width, 3, dtype=torch.int32 if deep else torch.uint8)
    graph = FrameGraph(network, levels=DEEP_LEVELS) if deep else FrameGraph(network)
    with warnings.catch_warnings():
        # Tracing warns about sizes becoming constants, which is what a model for one size wants, and about its own age.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        model = openvino.convert_model(graph, example_input=example, input=list(example.shape))
    return _with_type(model, openvino.Type.u16) if deep else model


def _with_type(model: Any, kind: Any) -> Any:
    """The model with frames of another type than the traced one: PyTorch cannot trace uint16."""
    from openvino.preprocess import PrePostProcessor

    outside = PrePostProcessor(model)
    outside.input().tensor().set_element_type(kind)
    outside.output().tensor().set_element_type(kind)
    return outside.build()


def _compile(core: Any, model: Any, device: str, precision: str) -> list[Any]:
    """One inference request for each lane."""
    compiled = core.compile_model(model, device, {"NUM_STREAMS": _LANES, "INFERENCE_PRECISION_HINT": _HINTS[precision]})
    return [compiled.create_infer_request() for _ in range(_LANES)]


def _frame_seconds(request: Any, height: int, width: int) -> float:
    """The shortest time of a frame. Some CPUs have bf16 instructions and run slower with them, so only this tells."""
    frame = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    times = []
    for _ in range(_TRIAL_FRAMES):
        start = time.perf_counter()
        request.infer([frame])
        times.append(time.perf_counter() - start)
    return min(times[1:])
