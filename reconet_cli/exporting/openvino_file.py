"""OpenVINO's files: the graph as .xml and its weights as .bin beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconet_cli.engines.openvino.convert import traced
from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.exporting.plan import INPUT, OUTPUT, Plan
from reconet_cli.exporting.program import example_input, planned_graph, ranges


def write_openvino(plan: Plan, path: Path, facts: Mapping[str, str]) -> None:
    """Write the plan's network. fp16 is how the weights are kept; the device chooses what it computes in."""
    import openvino

    from reconet_cli.engines.openvino.quantize import quantize

    model = _converted(plan)
    if plan.precision == "int8":
        model = quantize(model, ranges(openvino_core(), model, plan.byte_frames), portable=True)
    model.inputs[0].get_tensor().set_names({INPUT})
    model.outputs[0].get_tensor().set_names({OUTPUT})
    for name, text in facts.items():
        model.set_rt_info(text, ["reconet", name])
    openvino.save_model(model, path, compress_to_fp16=plan.precision == "fp16")


def _converted(plan: Plan) -> Any:
    import openvino

    example = example_input(plan)
    shape = list(example.shape)
    if plan.size is None:
        shape[1 if plan.byte_frames else 2] = shape[2 if plan.byte_frames else 3] = -1
    return openvino.convert_model(traced(planned_graph(plan), example), example_input=example, input=shape)
