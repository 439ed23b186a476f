"""OpenVINO: the fastest engine on CPUs; the model is compiled once for the frame's size."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.engines.openvino.model import LEAST_AGREEMENT, ModelSource
from reconet_cli.engines.pool import Pool
from reconet_cli.errors import EngineError
from reconet_cli.system.processors import processors

HINTS = {"int8": "f32", "fp32": "f32", "bf16": "bf16", "fp16": "f16"}
# Frames painted at the same time, each on its share of the cores. With one frame on all of them, every layer waits for
# the core that decoder or encoder have just taken.
CONCURRENCY = 2
# Frames that decide between two precisions; the first of each warms up and does not count.
_TRIAL_FRAMES = 3


class OpenVINOEngine:
    """A network on OpenVINO for frames of one size, uint8 or (`sixteen_bit`) uint16, at most `concurrency` at a time.

    `device` is OpenVINO's name of it, `compiled` the `openvino.CompiledModel`. Raises `EngineError` for a precision
    that the device lacks.
    """

    def __init__(self, source: ModelSource, device: str, precision: str, concurrency: int = CONCURRENCY) -> None:
        core = openvino_core()
        target = "CPU" if device in ("auto", "cpu") else device.upper()
        offered = offered_precisions(core, target, precision)
        if precision == "auto":
            self.precision, requests = _best(core, source, target, offered, concurrency)
        else:
            model = source.int8_model(core, 0.0)[0] if precision == "int8" else source.float_model(core)
            self.precision, requests = precision, compile_requests(core, model, target, precision, concurrency)
        self._requests = Pool(requests)
        self.concurrency = len(requests)
        self.device = target
        self.compiled = requests[0].get_compiled_model()
        self.description = f"OpenVINO {target} {self.precision}"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)` of the size and type given at the start."""
        with self._requests.take() as request:
            request.infer([frame[None]], share_inputs=True)
            return depth_to_space(request.get_output_tensor().data[0], *frame.shape[:2])


def offered_precisions(core: Any, device: str, wanted: str) -> list[str]:
    """The precisions that a device has, fp32 first.

    Raises `EngineError` for a device that is not there, or that lacks the `wanted` one (`auto`: whichever).
    """
    try:
        capabilities = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    except RuntimeError as problem:
        raise EngineError(
            f"OpenVINO has no device {device}", f"it has {', '.join(core.available_devices)}"
        ) from problem
    offered = ["fp32", *(name for name in ("int8", "bf16", "fp16") if name.upper() in capabilities)]
    if wanted not in ("auto", *offered):
        raise EngineError(f"OpenVINO on {device} cannot run in {wanted}", f"it offers {', '.join(offered)}")
    return offered


def _best(core: Any, source: ModelSource, target: str, offered: list[str], concurrency: int) -> tuple[str, list[Any]]:
    """The fastest precision that paints the same picture, and its requests."""
    # int8 and bf16 have 8 significant bits, too few for frames of 16.
    if "int8" in offered and target == "CPU" and not source.sixteen_bit:
        model, precision = source.int8_model(core, LEAST_AGREEMENT)
        if precision == "int8":
            return precision, compile_requests(core, model, target, precision, concurrency)
    model = source.float_model(core)
    wanted = ["fp32", "bf16"] if "bf16" in offered and not source.sixteen_bit else ["fp32"]
    requests = {name: compile_requests(core, model, target, name, concurrency) for name in wanted}
    best = min(wanted, key=lambda name: _frame_seconds(requests[name][0], source)) if wanted[1:] else wanted[0]
    return best, requests[best]


def compile_requests(core: Any, model: Any, device: str, precision: str, most: int = CONCURRENCY) -> list[Any]:
    """As many inference requests as there are processors, at most `most`."""
    concurrency = min(most, processors())
    options: dict[str, Any] = {"NUM_STREAMS": concurrency, "INFERENCE_PRECISION_HINT": HINTS[precision]}
    if device == "CPU":
        options["INFERENCE_NUM_THREADS"] = processors()
    compiled = core.compile_model(model, device, options)
    return [compiled.create_infer_request() for _ in range(concurrency)]


def _frame_seconds(request: Any, source: ModelSource) -> float:
    """The shortest time of a frame. Some CPUs have bf16 instructions and run slower with them, so only this tells."""
    frame = np.random.default_rng(0).integers(0, 256, (1, source.height, source.width, 3), dtype=np.uint8)
    times = []
    for _ in range(_TRIAL_FRAMES):
        start = time.perf_counter()
        request.infer([frame])
        times.append(time.perf_counter() - start)
    return min(times[1:])


def depth_to_space(blocks: np.ndarray, height: int, width: int) -> np.ndarray:
    """The frame `(height, width, 3)` in memory of its own from blocks `(h, w, 12)`, uint8 or uint16."""
    down, right = blocks.shape[:2]
    # A row of a block is six values or three pairs, which numpy copies in half as many steps.
    pairs = blocks.view(f"u{2 * blocks.itemsize}").reshape(down, right, 2, 3)
    frame = np.empty((down, 2, right, 3), pairs.dtype)
    for row in range(2):
        for pair in range(3):
            frame[:, row, :, pair] = pairs[:, :, row, pair]
    return np.ascontiguousarray(frame.view(blocks.dtype).reshape(2 * down, 2 * right, 3)[:height, :width])
