"""ONNX files: one file, opset 18, names that a person chose."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from reconet_cli import __version__
from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.errors import ExportError
from reconet_cli.exporting.onnx_rewrites import quantize_onnx, slice_and_pad
from reconet_cli.exporting.plan import INPUT, OUTPUT, Plan
from reconet_cli.exporting.program import example_input, exported_program, ranges

OPSET = 18


def packages() -> Any:
    """The package `onnx`. Raises ImportError where it or what PyTorch's exporter needs beside it is not there."""
    import onnx
    import onnxscript  # noqa: F401 - without it the exporter fails with a long trace

    return onnx


def write_onnx(plan: Plan, path: Path, facts: Mapping[str, str]) -> None:
    """Write the plan's network. Raises `ExportError` where the packages for it are missing."""
    try:
        onnx = packages()
    except ImportError as problem:
        raise ExportError(
            f"writing ONNX needs the package {problem.name}", 'pip install "reconet[export]"'
        ) from problem
    model = _converted(plan)
    if plan.size is None:
        slice_and_pad(model)
    if plan.precision == "int8":
        _quantize(model, plan)
    _name_sides(model, plan)
    _describe(model, facts)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, str(path))


def _converted(plan: Plan) -> Any:
    program = exported_program(plan)
    # The exporter prints its steps, and warns about its own use of PyTorch and about packages that are not needed.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), _quiet_logging():
        warnings.simplefilter("ignore")
        converted = torch.onnx.export(
            program, (example_input(plan),), dynamo=True, opset_version=OPSET, input_names=[INPUT],
            output_names=[OUTPUT], external_data=False, verbose=False,
        )  # fmt: skip
    assert converted is not None
    return converted.model_proto


@contextlib.contextmanager
def _quiet_logging() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _quantize(model: Any, plan: Plan) -> None:
    core = openvino_core()
    readable = core.read_model(model.SerializeToString(), b"")
    quantize_onnx(model, ranges(core, readable, plan.byte_frames))


def _name_sides(model: Any, plan: Plan) -> None:
    """Call free sides `height` and `width`; the exporter numbers them."""
    if plan.size is not None:
        return
    first = 1 if plan.byte_frames else 2
    for value in (*model.graph.input, *model.graph.output):
        sides = value.type.tensor_type.shape.dim
        sides[first].dim_param, sides[first + 1].dim_param = "height", "width"
    del model.graph.value_info[:]


def _describe(model: Any, facts: Mapping[str, str]) -> None:
    model.producer_name, model.producer_version = "reconet", __version__
    model.doc_string = f"Style {facts['style']!r}, {facts['layout']} in {facts['range']}"
    # What the exporter notes about each node is four times as long as the graph.
    for thing in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer, model.graph):
        del thing.metadata_props[:]
    del model.metadata_props[:]
    for name, text in facts.items():
        model.metadata_props.add(key=f"reconet.{name}", value=text)
