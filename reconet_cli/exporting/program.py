"""Networks as programs of `torch.export`."""

from __future__ import annotations

from typing import Any

import torch

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
