"""Networks as programs of `torch.export`, and their ranges for int8."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from reconet_cli.engines.openvino.model import calibration_frames
from reconet_cli.engines.openvino.quantize import input_ranges
from reconet_cli.exporting.graph import LEAST_SIDE, export_graph
from reconet_cli.exporting.plan import Plan
from reconet_cli.model.weights import load_weights

# Sides that are no multiples, so that nothing about the example's size becomes part of the program.
_EXAMPLE = (67, 45)


def example_input(plan: Plan) -> torch.Tensor:
    """A frame as the plan's file takes it."""
    width, height = plan.size or _EXAMPLE
    if plan.byte_frames:
        return torch.zeros(1, height, width, 3, dtype=torch.uint8)
    return torch.zeros(1, 3, height, width)


def planned_graph(plan: Plan) -> torch.nn.Module:
    """The plan's module, without quantization."""
    return export_graph(
        load_weights(plan.weights),
        # OpenVINO chooses for each device what it computes in.
        half=plan.precision == "fp16" and plan.kind != "openvino",
        byte_frames=plan.byte_frames,
        any_size=plan.size is None,
    )


def exported_program(plan: Plan) -> Any:
    """The plan's `torch.export.ExportedProgram`, for any size unless the plan has one."""
    sides = {1: "height", 2: "width"} if plan.byte_frames else {2: "height", 3: "width"}
    free = {at: torch.export.Dim(name, min=LEAST_SIDE) for at, name in sides.items()} if plan.size is None else None
    return torch.export.export(planned_graph(plan), (example_input(plan),), dynamic_shapes=(free,))


def ranges(core: Any, model: Any, byte_frames: bool) -> list[tuple[float, float]]:
    """The range of what goes into each convolution of an `openvino.Model` that takes frames as bytes or floats."""
    frames = calibration_frames()
    return input_ranges(core, model, frames if byte_frames else [as_float(frame) for frame in frames])


def as_float(frames: np.ndarray) -> np.ndarray:
    """Frames `(1, H, W, 3)` uint8 as images `(1, 3, H, W)` float32 in [0, 1]."""
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2), np.float32) / 255
