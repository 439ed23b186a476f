"""A network as an OpenVINO model for frames of one size, traced with PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from reconet_cli.engine.graph import DEEP_LEVELS, FrameGraph
from reconet_cli.engine.rewrites import fold_upscaling
from reconet_cli.model.network import ReCoNet


def convert(network: ReCoNet, height: int, width: int, *, deep: bool = False) -> Any:
    """An `openvino.Model` that paints frames `(1, H, W, 3)`, uint8 or (`deep`) uint16."""
    import openvino

    example = torch.zeros(1, height, width, 3, dtype=torch.int32 if deep else torch.uint8)
    folded = fold_upscaling(network)
    graph = FrameGraph(folded, levels=DEEP_LEVELS) if deep else FrameGraph(folded)
    with warnings.catch_warnings():
        # Tracing warns about sizes becoming constants, which is what a model for one size wants, and about its own age.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        # Traced here, because OpenVINO would run the network three times to check the trace.
        traced = torch.jit.trace(graph.eval(), example, check_trace=False)
        model = openvino.convert_model(traced, example_input=example, input=list(example.shape))
    return _with_type(model, openvino.Type.u16) if deep else model


def _with_type(model: Any, kind: Any) -> Any:
    """The model with frames of another type than the traced one: PyTorch cannot trace uint16."""
    from openvino.preprocess import PrePostProcessor

    outside = PrePostProcessor(model)
    outside.input().tensor().set_element_type(kind)
    outside.output().tensor().set_element_type(kind)
    return outside.build()
