"""What the processor can do at most, and how near a network comes to it.

A large convolution and a copy of large arrays are measured in turns with the networks, so that the shares hold on a
machine that drifts (the roofline model, Williams et al., CACM 2009).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from reconet_cli.engines.kinds import Engine
from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.engines.openvino.engine import CONCURRENCY, OpenVINOEngine, compile_requests
from reconet_cli.engines.openvino.quantize import quantize
from reconet_cli.engines.pool import Pool
from reconet_cli.errors import EngineError
from reconet_cli.system.processors import processors

Shares = dict[str, dict[str, float]]

# 8.5 billion multiplications, over a thousand for each value that goes in or out.
_CHANNELS, _HEIGHT, _WIDTH = 256, 90, 160
# Layers that move nothing: weights, which are small beside frames, and another look at the same memory.
_FREE = ("Const", "Reshape")
# Several times larger than any cache of one core.
_COPIED = 1 << 26


class Convolution:
    """A convolution that keeps every core busy, as an engine of `concurrency`; `work` is its cost."""

    def __init__(self, precision: str) -> None:
        core = openvino_core()
        model = _convolution()
        if precision == "int8":
            model = quantize(model, [(0.0, 255.0)])
        requests = compile_requests(core, model, "CPU", precision, CONCURRENCY)
        self.concurrency = len(requests)
        self.work = multiplications(model)
        self._requests = Pool(requests)
        self._values = np.random.default_rng(0).integers(0, 256, (1, _HEIGHT, _WIDTH, _CHANNELS), dtype=np.uint8)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Convolve once, whatever the frame."""
        with self._requests.take() as request:
            request.infer([self._values], share_inputs=True)
        return frame


class Copy:
    """Copies of large arrays on several threads; `work` is what one of them reads and writes, in bytes."""

    def __init__(self) -> None:
        self.concurrency = min(CONCURRENCY, processors())
        self.work = 2.0 * _COPIED
        self._arrays = Pool(np.ones((2, _COPIED), np.uint8) for _ in range(self.concurrency))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Copy once, whatever the frame."""
        with self._arrays.take() as (source, target):
            np.copyto(target, source)
        return frame


class Limits:
    """The limits of an engine: `contestants` are what to measure in turns with it.

    Raises `EngineError` where the engine is another than OpenVINO on the CPU with frames as a whole.
    """

    def __init__(self, engine: Engine) -> None:
        if not isinstance(engine, OpenVINOEngine) or engine.device != "CPU":
            raise EngineError(
                f"the limits of {engine.description} are not known", "they are of OpenVINO on the CPU: --device cpu"
            )
        self._model = engine.compiled.get_runtime_model()
        self.contestants: dict[str, Convolution | Copy] = {
            "convolution": Convolution(engine.precision),
            "copying": Copy(),
        }

    def shares(self, rates: Mapping[str, float]) -> Shares:
        """What the `network` reaches of what the contestants reach, from the rates of all.

        Arithmetic in billions of multiplications a second (with their additions), memory in GB a second.
        """
        works = {"arithmetic": ("convolution", multiplications(self._model)), "memory": ("copying", moved(self._model))}
        return {
            name: {"reached": work * rates["network"] / 1e9, "most": self.contestants[top].work * rates[top] / 1e9}
            for name, (top, work) in works.items()
        }


def multiplications(model: Any) -> float:
    """Multiplications in the convolutions of an `openvino.Model`, as it is or as a device runs it."""
    count = 0.0
    for node in model.get_ordered_ops():
        kind = _kind(node)
        if kind not in ("Convolution", "Deconvolution", "ConvolutionBackpropData"):
            continue
        weights = list(node.input_value(1).get_shape())
        # One side's values each meet all weights of one channel of theirs.
        places = node.output(0) if kind == "Convolution" else node.input_value(0)
        count += math.prod(places.get_shape()) * math.prod(weights) / weights[0]
    return count


def moved(model: Any) -> float:
    """Bytes that the layers of a device's model write, and that those behind them read."""
    count = 0.0
    for node in model.get_ordered_ops():
        for output in node.outputs():
            if _kind(node) not in _FREE:
                size = math.prod(output.get_shape()) * output.get_element_type().size
                count += size * (1 + len(output.get_target_inputs()))
    return count


def _kind(node: Any) -> str:
    """A node's type; nodes of a device's model carry it as a note."""
    notes = node.get_rt_info()
    kind: str = notes["layerType"].astype(str) if "layerType" in notes else node.get_type_name()
    return kind


def _convolution() -> Any:
    import openvino
    from openvino import opset13

    values = opset13.parameter([1, _HEIGHT, _WIDTH, _CHANNELS], openvino.Type.u8)
    planes = opset13.transpose(opset13.convert(values, openvino.Type.f32), [0, 3, 1, 2])
    weights = np.random.default_rng(1).normal(size=(_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32)
    result = opset13.convolution(planes, opset13.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])
    return openvino.Model([opset13.result(result)], [values])
