"""int8 for OpenVINO: what goes into each convolution, and its weights, are rounded to 256 levels.

Ranges come from a few real frames. Only convolutions are quantized, which is where the time goes; norms, residual sums
and color conversion stay in float, so that their rounding does not add up (Jacob et al., CVPR 2018, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from reconet_cli.engines.openvino.core import openvino_core

_CONVOLUTIONS = ("Convolution", "ConvolutionBackpropData")
# Share of values beyond each end of a range: one bright speck must not cost everything else its levels.
_OUTLIERS = 0.00005
_LEVELS = 256
# Below this share of the largest value, negative ones are rounding noise behind a ReLU.
_NEGLIGIBLE = 1e-3
# What moves values without changing them: rounded in front of it, they are a quarter of the bytes to move, and the
# rounding can be part of the norm that made them.
_MOVES = ("Pad", "Transpose", "Squeeze", "Unsqueeze")
# The largest weight where two products have to fit into 16 bits: 255 · 63 · 2 < 2¹⁵ < 255 · 127 · 2.
PORTABLE_LEVEL = 63
_SATURATED = 0.01
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def quantize(model: Any, ranges: Sequence[tuple[float, float]], *, portable: bool = False) -> Any:
    """An int8 copy of an `openvino.Model`, from the `input_ranges` of its convolutions.

    Weights use all of their levels where this processor can multiply them; a `portable` model is right on any.
    """
    copy = model.clone()
    largest = PORTABLE_LEVEL if portable or products_saturate() else _LEVELS // 2 - 1
    for convolution, (low, high) in zip(_convolutions(copy), ranges, strict=True):
        _quantize_input(convolution, low, high)
        _quantize_weights(convolution, largest)
    copy.validate_nodes_and_infer_types()
    return copy


def input_ranges(core: Any, model: Any, inputs: Sequence[np.ndarray]) -> list[tuple[float, float]]:
    """The lowest and the highest usual value that goes into each convolution, over some inputs of the model's shape.

    They hold for the same network at other sizes too: instance norm sees to that.
    """
    probe = model.clone()
    count = len(probe.outputs)
    probe.add_outputs([node.input_value(0) for node in _convolutions(probe)])
    compiled = core.compile_model(probe, "CPU", _EXACT)
    seen = []
    for values in inputs:
        results = compiled([values])
        seen.append([np.quantile(results[output], (_OUTLIERS, 1 - _OUTLIERS)) for output in compiled.outputs[count:]])
    ends = np.array(seen)
    return [(float(low), float(high)) for low, high in zip(ends[..., 0].min(0), ends[..., 1].max(0), strict=True)]


def agreement(core: Any, model: Any, other: Any, inputs: Sequence[np.ndarray]) -> float:
    """The lowest PSNR in dB, over some inputs, of one model's uint8 pictures against another's."""
    first, second = (core.compile_model(each, "CPU", _EXACT) for each in (model, other))
    return min(peak_signal_to_noise(first([values])[0], second([values])[0]) for values in inputs)


def peak_signal_to_noise(expected: np.ndarray, found: np.ndarray) -> float:
    """PSNR of two uint8 pictures in dB, 99 where they are the same."""
    error = np.mean((expected.astype(np.float32) - found.astype(np.float32)) ** 2)
    return float(10 * np.log10(255**2 / error)) if error > 1e-5 else 99.0


def _convolutions(model: Any) -> list[Any]:
    return [node for node in model.get_ordered_ops() if node.get_type_name() in _CONVOLUTIONS]


def weight_reach(weights: np.ndarray, channel: int) -> np.ndarray:
    """The largest size of a weight for each output channel, which is the axis `channel`; all axes are kept."""
    others = tuple(axis for axis in range(weights.ndim) if axis != channel)
    reach: np.ndarray = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-8)
    return reach


def _quantize_input(convolution: Any, low: float, high: float) -> None:
    from openvino import Type, opset13

    target = convolution
    while (source := target.input_value(0).get_node()).get_type_name() in _MOVES:
        target = source
    if source.get_type_name() == "Convert" and source.get_input_element_type(0) == Type.u8:
        low, high = 0.0, _LEVELS - 1.0  # a frame: its values are the levels
    else:
        low, high = levels_ends(low, high)
    ends = [opset13.constant(np.float32(end)) for end in (low, high)]
    rounded = opset13.fake_quantize(target.input_value(0), *ends, *ends, _LEVELS)
    target.input(0).replace_source_output(rounded.output(0))


def levels_ends(low: float, high: float) -> tuple[float, float]:
    """The lowest and the highest of 256 levels for values of a range: from 0 on, or as many below it as above."""
    if low >= -_NEGLIGIBLE * high:
        return 0.0, max(high, 1e-6)
    # Signed levels reach one step further down than up.
    reach = max(-low, high * _LEVELS / (_LEVELS - 2))
    return -reach, max(reach * (_LEVELS - 2) / _LEVELS, 1e-6)


@lru_cache(maxsize=1)
def products_saturate() -> bool:
    """Whether this processor adds int8 products in 16 bits, which overflow, as x86 without VNNI does (`vpmaddubsw`).

    Found out by a small convolution of the largest values.
    """
    import openvino
    from openvino import opset13

    image = opset13.parameter([1, 64, 4, 4], np.float32)
    ends = [opset13.constant(np.float32(end)) for end in (0.0, 255.0, -127.0, 127.0)]
    values = opset13.fake_quantize(image, *ends[:2], *ends[:2], _LEVELS)
    weights = opset13.constant(np.full((64, 64, 3, 3), 127, np.float32))
    rounded = opset13.fake_quantize(weights, *ends[2:], *ends[2:], _LEVELS - 1)
    sums = opset13.convolution(values, rounded, [1, 1], [0, 0], [0, 0], [1, 1])
    compiled = openvino_core().compile_model(openvino.Model([sums], [image]), "CPU", _EXACT)
    found = compiled([np.full((1, 64, 4, 4), 255, np.float32)])[0]
    return bool(abs(found.max() / (255 * 127 * 64 * 9) - 1) > _SATURATED)


def _quantize_weights(convolution: Any, largest: int) -> None:
    """Symmetric, with a range of its own for each output channel: levels up to `largest` of 127."""
    from openvino import opset13

    weights = convolution.input_value(1).get_node().data.astype(np.float32)
    reach = weight_reach(weights, 0 if convolution.get_type_name() == "Convolution" else 1)
    reach = reach * np.float32((_LEVELS // 2 - 1) / largest)
    ends = [opset13.constant(end) for end in (-reach, reach)]
    rounded = opset13.fake_quantize(opset13.constant(weights), *ends, *ends, _LEVELS - 1)
    convolution.input(1).replace_source_output(rounded.output(0))
