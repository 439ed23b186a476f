"""PyTorch's own files: programs of `torch.export` (.pt2), and TorchScript for those who still need it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch

from reconet_cli.engines.openvino.convert import traced
from reconet_cli.exporting.plan import Plan
from reconet_cli.exporting.program import example_input, exported_program, planned_graph

# The name under which a file carries what it says about itself.
FACTS = "reconet.json"


def write_program(plan: Plan, path: Path, facts: Mapping[str, str]) -> None:
    """Write the plan's `torch.export` program."""
    program = exported_program(plan)
    _forget_device(program.graph_module)
    torch.export.save(program, path, extra_files={FACTS: json.dumps(facts)})


def _forget_device(module: torch.fx.GraphModule) -> None:
    """Remove the checks that every tensor whose type changes is still on a CPU, as it was here."""
    for node in list(module.graph.nodes):
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            module.graph.erase_node(node)
    module.recompile()


def write_torchscript(plan: Plan, path: Path, facts: Mapping[str, str]) -> None:
    """Write the plan's network as TorchScript, which PyTorch 2.10 and later call deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = traced(planned_graph(plan), example_input(plan))
        torch.jit.save(script, str(path), _extra_files={FACTS: json.dumps(facts)})
