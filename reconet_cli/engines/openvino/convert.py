"""A network as an OpenVINO model for frames of one size, traced with PyTorch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from reconet_cli.engines.graph import LEVELS, SIXTEEN_BIT_LEVELS
from reconet_cli.engines.openvino.graph import BlocksGraph
from reconet_cli.model.network import ReCoNet


def convert(network: ReCoNet, height: int, width: int, *, sixteen_bit: bool = False) -> Any:
    """An `openvino.Model` of `BlocksGraph` for frames `(1, H, W, 3)`, uint8 or (`sixteen_bit`) uint16."""
    import openvino

    graph = BlocksGraph(network, SIXTEEN_BIT_LEVELS if sixteen_bit else LEVELS)
    # Only the padding to a multiple stands in the trace, so a small frame that needs the same does for a large one.
    small = [min(side, 4 * graph.multiple + side % graph.multiple) for side in (height, width)]
    example = torch.zeros(1, *small, 3, dtype=torch.int32 if sixteen_bit else torch.uint8)
    # Traced here, because OpenVINO would run the network three times to check the trace.
    with _log_untouched():
        model = openvino.convert_model(
            traced(graph.eval(), example), example_input=example, input=[1, height, width, 3]
        )
    return _with_type(model, openvino.Type.u16) if sixteen_bit else model


@contextmanager
def _log_untouched() -> Iterator[None]:
    """OpenVINO's converter gives the root logger a handler, a level and a filter, which would print our lines twice."""
    root = logging.getLogger()
    handlers, filters, level = root.handlers[:], root.filters[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.filters[:] = handlers, filters
        root.setLevel(level)


def traced(graph: nn.Module, example: torch.Tensor) -> Any:
    """The TorchScript of a module in evaluation mode, without PyTorch's warnings."""
    with warnings.catch_warnings():
        # Tracing warns about sizes becoming constants, which is what a model for one size wants, and about its own age.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(graph, example, check_trace=False)


def _with_type(model: Any, kind: Any) -> Any:
    """The model with frames of another type than the traced one: PyTorch cannot trace uint16."""
    from openvino.preprocess import PrePostProcessor

    outside = PrePostProcessor(model)
    outside.input().tensor().set_element_type(kind)
    outside.output().tensor().set_element_type(kind)
    return outside.build()
