"""Write, compare, and only then give the file its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from reconet_cli.errors import ExportError
from reconet_cli.exporting.plan import Plan, metadata
from reconet_cli.exporting.verify import Difference, differences, limit
from reconet_cli.files import replacing


def export(plan: Plan, output: Path, *, verify: bool, note: Callable[[str], None]) -> list[Difference]:
    """Write a plan's file and compare its pictures with the network's; `note` is told what was compared with what.

    Raises `ExportError` where it cannot be written or differs too much; nothing is left behind then.
    """
    with replacing(output, ExportError) as part:
        weights = part.with_suffix(".bin")  # OpenVINO keeps them in a second file
        try:
            _write(plan, part)
            found = _verified(plan, part, note) if verify else []
            if plan.kind == "openvino":
                os.replace(weights, output.with_suffix(".bin"))
        finally:
            weights.unlink(missing_ok=True)
    return found


def _write(plan: Plan, path: Path) -> None:
    from reconet_cli.exporting.onnx_file import write_onnx
    from reconet_cli.exporting.openvino_file import write_openvino
    from reconet_cli.exporting.torch_files import write_program, write_torchscript

    writers = {
        "onnx": write_onnx, "openvino": write_openvino, "pt2": write_program, "torchscript": write_torchscript
    }  # fmt: skip
    writers[plan.kind](plan, path, metadata(plan))


def _verified(plan: Plan, path: Path, note: Callable[[str], None]) -> list[Difference]:
    found, runtime = differences(plan, path)
    note(f"compared {runtime} with the network in float32; {plan.precision}: {limit(plan.precision)}")
    for one in found:
        if not one.within(plan.precision):
            width, height = one.size
            raise ExportError(
                f"the file's picture differs from the network's by {one.largest:.2f} code values, {one.psnr:.1f} dB, "
                f"at {width}x{height}; {plan.precision} may by {limit(plan.precision)}",
                "nothing was written; try --precision fp32",
            )
    return found
