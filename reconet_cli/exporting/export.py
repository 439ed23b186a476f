"""Write, compare, and only then give the file its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconet_cli.errors import ExportError
from reconet_cli.exporting.plan import USUAL_ENDINGS, Plan, metadata
from reconet_cli.exporting.verify import Difference, differences, limit
from reconet_cli.files import Part, give_name, keep_apart


def written_files(kind: str, output: Path) -> list[Path]:
    """The files that an export of this format writes: `output`, and for OpenVINO the weights beside it."""
    return [output, output.with_suffix(".bin")] if kind == "openvino" else [output]


def export(
    plan: Plan, output: Path, *, verify: bool, note: Callable[[str], None], overwrite: bool = False
) -> list[Difference]:
    """Write a plan's file and compare its pictures with the network's; `note` is told what was compared with what.

    Raises `ExportError` where it cannot be written, is there already and not to `overwrite`, is the style that it is
    made from, or differs too much; nothing is left behind then.
    """
    places = written_files(plan.kind, output)
    keep_apart(places, [plan.weights], ExportError)
    for place in places:
        if place.exists() and not overwrite:
            raise ExportError(f"{place} exists", "-y overwrites it")
    try:
        with Part(output, folder=True) as scratch:
            made = scratch.path / f"model{USUAL_ENDINGS[plan.kind]}"  # the writers go by the ending
            _write(plan, made)
            found = _verified(plan, made, note) if verify else []
            _place(written_files(plan.kind, made), places, overwrite=overwrite)
    except OSError as problem:
        raise ExportError(f"cannot write {output}: {problem.strerror or problem}") from problem
    return found


def _place(parts: list[Path], places: list[Path], *, overwrite: bool) -> None:
    """Give the files their names, the one that is opened last: it never stands beside another one's weights."""
    if len(places) > 1 and overwrite:
        places[0].unlink(missing_ok=True)
    for part, place in reversed(list(zip(parts, places, strict=True))):
        give_name(part, place, replace=overwrite)


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
