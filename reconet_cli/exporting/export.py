"""Write, compare, and only then give the file its name."""

from __future__ import annotations

import logging
from os import PathLike
from pathlib import Path
from typing import Literal

from reconet_cli.errors import ExportError
from reconet_cli.exporting.plan import USUAL_ENDINGS, Plan, chosen_format, metadata
from reconet_cli.exporting.verify import Difference, differences, limit
from reconet_cli.styles.finding import find_style
from reconet_cli.system.files import Part, give_name, keep_apart

log = logging.getLogger("reconet")


def written_files(kind: str, output: Path) -> list[Path]:
    """The files that an export of this format writes: `output`, and for OpenVINO the weights beside it."""
    return [output, output.with_suffix(".bin")] if kind == "openvino" else [output]


def export_style(
    style: str | Path,
    output: str | PathLike[str],
    *,
    variant: str = "auto",
    format: str | None = None,
    precision: str = "fp32",
    frames: Literal["float", "uint8"] = "float",
    size: tuple[int, int] | None = None,
    verify: bool = True,
    overwrite: bool = False,
) -> list[Difference]:
    """Write a style's network as a file for another runtime: ONNX, OpenVINO, torch.export or TorchScript.

    `format` is `onnx`, `openvino`, `pt2` or `torchscript`; None goes by the ending of `output`. `precision` is `fp32`,
    `fp16` or `int8`. `frames` in and out are float NCHW in [0, 1] or uint8 NHWC, of any size or of one, (width,
    height). `verify` runs the file on its own runtime and gives its differences from the network. Raises `StyleError`
    and `ExportError`; nothing is left behind then.

    >>> import reconet_cli as reconet
    >>> differences = reconet.export_style("mosaic", "mosaic.onnx", size=(64, 64))
    >>> differences[0].psnr > 60
    True
    """
    place = Path(output)
    plan = Plan(find_style(str(style), variant), chosen_format(place, format), precision, frames == "uint8", size)
    log.info(f"writing {plan.style} as {plan.kind} in {plan.precision}")
    return export(plan, place, verify=verify, overwrite=overwrite)


def export(plan: Plan, output: Path, *, verify: bool, overwrite: bool = False) -> list[Difference]:
    """Write a plan's file and compare its pictures with the network's; the log says what was compared with what.

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
            found = _verified(plan, made) if verify else []
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


def _verified(plan: Plan, path: Path) -> list[Difference]:
    found, runtime = differences(plan, path)
    log.info(f"compared {runtime} with the network in float32; {plan.precision}: {limit(plan.precision)}")
    for one in found:
        if not one.within(plan.precision):
            width, height = one.size
            raise ExportError(
                f"the file's picture differs from the network's by {one.largest:.2f} code values, {one.psnr:.1f} dB, "
                f"at {width}x{height}; {plan.precision} may by {limit(plan.precision)}",
                "nothing was written; try --precision fp32",
            )
    return found
