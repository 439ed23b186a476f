"""Band by band on OpenVINO: two small models for each convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

from reconet_cli.engines.bands.band_steps import Step, steps_of
from reconet_cli.engines.bands.bands import BandedPainter
from reconet_cli.engines.graph import DEEP_LEVELS, LEVELS, frame_type
from reconet_cli.engines.openvino.quantize import levels_ends, quantize
from reconet_cli.model.network import ReCoNet
from reconet_cli.system.processors import processors

Range = tuple[float, float]
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def banded_on_openvino(
    core: Any, network: ReCoNet, ranges: Sequence[Range] | None, hint: str, *, deep: bool
) -> BandedPainter:
    """A painter in int8 where the convolutions' input `ranges` are given, else in the precision of `hint`."""
    levels = DEEP_LEVELS if deep else LEVELS
    steps, graph = steps_of(network, levels)
    kernels = []
    for number, step in enumerate(steps):
        reader = next((n for n in range(number + 1, len(steps)) if steps[n].source == step.target), number)
        kernels.append(
            _Kernel(
                core,
                hint,
                step,
                scale=graph.scale if number == 0 else 1,
                span=ranges[number] if ranges else None,
                # Only what goes into a convolution may be kept as that convolution's levels.
                target_span=ranges[reader] if ranges and not (step.exact or step.last) else None,
                source_span=ranges[number] if ranges and number and not _exact(steps, number) else None,
                levels=levels,
            )
        )
    return BandedPainter(list(zip(steps, kernels, strict=True)), graph.multiple)


def _exact(steps: Sequence[Step], number: int) -> bool:
    """Whether a step's source is kept in float."""
    return next(step.exact for step in reversed(steps[:number]) if step.target == steps[number].source)


class _Kernel:
    """See `bands.Kernel`. Spans are the ranges of levels that source and target are kept as, None for plain values."""

    def __init__(
        self,
        core: Any,
        hint: str,
        step: Step,
        *,
        scale: int,
        span: Range | None,
        source_span: Range | None,
        target_span: Range | None,
        levels: int,
    ) -> None:
        self._step, self._scale, self._levels = step, scale, levels
        self._source_span, self._target_span = source_span, target_span
        whole = frame_type(levels)
        self.dtype = np.dtype(whole if step.last else np.float32 if target_span is None else np.uint8)
        self._frame_type = whole if step.source == "frame" else np.float32 if source_span is None else np.uint8
        options = {
            "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": processors(), "INFERENCE_PRECISION_HINT": hint,
        }  # fmt: skip

        def compiled(model: Any) -> Any:
            whole_model = quantize(model, [span]) if span else model
            return core.compile_model(whole_model, "CPU", options).create_infer_request()

        self._moments = None if step.last else compiled(self._moments_model())
        self._finish = compiled(self._finish_model())

    def moments(self, band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance `(C,)` of the convolution's result."""
        assert self._moments is not None
        found = self._moments.infer([band[None]])
        return found[0].reshape(-1).copy(), found[1].reshape(-1).copy()

    def finish(self, band: np.ndarray, factor: np.ndarray, offset: np.ndarray, added: np.ndarray | None) -> np.ndarray:
        """The target rows."""
        inputs = [band[None]]
        if self._moments is not None:
            inputs += [each.astype(np.float32).reshape(1, -1, 1, 1) for each in (factor, offset)]
        if added is not None:
            inputs.append(np.ascontiguousarray(added)[None])
        rows: np.ndarray = self._finish.infer(inputs)[0][0]
        return rows

    def release(self) -> None:
        """Give back what a run took: two dozen models would keep their blocks until the next frame."""
        for request in (self._moments, self._finish):
            if request is not None:
                request.get_compiled_model().release_memory()

    def _moments_model(self) -> Any:
        source, values = self._convolved()
        mean = op.reduce_mean(values, [2, 3], keep_dims=True)
        variance = op.reduce_mean(op.power(op.subtract(values, mean), np.float32(2)), [2, 3], keep_dims=True)
        return openvino.Model([mean, variance], [source])

    def _finish_model(self) -> Any:
        source, values = self._convolved()
        parameters = [source]
        if self._step.last:
            values = op.multiply(op.tanh(values), np.float32(self._levels / 2))
            values = op.clamp(op.add(values, np.float32((self._levels + 1) / 2)), 0.0, float(self._levels))
        else:
            channels = [1, self._step.conv.out_channels, 1, 1]
            scaling = [op.parameter(channels, np.float32) for _ in range(2)]
            parameters += scaling
            values = op.add(op.multiply(values, scaling[0]), scaling[1])
        floor = self._step.floor
        if floor is not None:
            values = op.maximum(values, floor.reshape(1, -1, 1, 1))
        if self._step.added:
            parameters.append(op.parameter([1, -1, -1, self._step.conv.out_channels], np.float32))
            values = op.add(values, op.transpose(parameters[-1], _TO_CHANNELS_FIRST))
        if self._target_span:
            low, high = levels_ends(*self._target_span)
            steps = op.multiply(op.subtract(values, np.float32(low)), np.float32(255 / (high - low)))
            values = op.clamp(op.round(steps, "half_to_even"), 0.0, 255.0)
        painted = op.transpose(values, _TO_CHANNELS_LAST)
        return openvino.Model([op.convert(painted, openvino.Type(self.dtype.type))], parameters)

    def _convolved(self) -> tuple[Any, Any]:
        """A model's source and the convolution of it."""
        conv = self._step.conv
        source = op.parameter([1, -1, -1, conv.in_channels], self._frame_type)
        values = source if self._frame_type == np.float32 else op.convert(source, "f32")
        if self._scale != 1:
            values = op.divide(values, np.float32(self._scale))
        if self._source_span:
            low, high = levels_ends(*self._source_span)
            values = op.multiply(values, np.float32((high - low) / 255))
            values = op.add(values, np.float32(low)) if low else values
        values = op.transpose(values, _TO_CHANNELS_FIRST)
        weight, stride, ones = conv.weight.detach().numpy(), list(conv.stride), [1, 1]
        if self._step.doubles:
            border = list(conv.padding)
            values = op.convolution_backprop_data(values, op.constant(weight), stride, None, border, border, ones)
        else:
            values = op.convolution(values, op.constant(weight), stride, [0, 0], [0, 0], ones)
        assert conv.bias is not None
        return source, op.add(values, conv.bias.detach().numpy().reshape(1, -1, 1, 1))
