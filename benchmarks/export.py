"""How far exported files differ from the network, for all styles: `python benchmarks/export.py [STYLE ...]`.

Prints a table in Markdown: the largest difference in code values (1/255) over five sizes for fp32 and fp16, the lowest
PSNR in dB for int8. Frames are floats, so that rounding to bytes does not hide what is below half a code value.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reconet_cli.errors import ExportError
from reconet_cli.exporting.export import export
from reconet_cli.exporting.plan import PRECISIONS, Plan
from reconet_cli.exporting.verify import Difference, differences
from reconet_cli.styles.finding import Style, list_styles

# What the columns are called, the ending, the format, and the runtime's own format where another one runs the file.
COLUMNS = (
    ("ONNX, ONNX Runtime", ".onnx", "onnx", "onnx"),
    ("ONNX, OpenVINO", ".onnx", "onnx", "openvino"),
    ("OpenVINO IR", ".xml", "openvino", "openvino"),
    ("torch.export", ".pt2", "pt2", "pt2"),
    ("TorchScript", ".torchscript", "torchscript", "torchscript"),
)


def plans(style: Style, kind: str) -> Iterator[Plan]:
    """Every variant of a style in every precision that a format has."""
    for weights in style.variants.values():
        for precision in PRECISIONS:
            try:
                yield Plan(weights, kind, precision)
            except ExportError:  # no int8 for this format
                continue


def worst(found: list[Difference], precision: str) -> str:
    """The number that has a limit; bold where it is beyond."""
    good = all(one.within(precision) for one in found)
    number = min(one.psnr for one in found) if precision == "int8" else max(one.largest for one in found)
    text = f"{number:.1f} dB" if precision == "int8" else f"{number:.3f}"
    return text if good else f"**{text}**"


def measure(style: Style, folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The table's cells by (variant, precision) and column."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for ending, kind in dict.fromkeys((ending, kind) for _, ending, kind, _ in COLUMNS):
        for plan in plans(style, kind):
            file = folder / f"{style.name}{ending}"
            export(plan, file, verify=False)
            row = rows.setdefault((plan.weights.stem, plan.precision), {})
            for name, _, its_kind, runtime in COLUMNS:
                if its_kind == kind:
                    row[name] = worst(differences(replace(plan, kind=runtime), file)[0], plan.precision)
    return rows


def main() -> None:
    """Print the table."""
    names = [name for name, *_ in COLUMNS]
    print(f"| style | | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for style in list_styles():
            if sys.argv[1:] and style.name not in sys.argv[1:]:
                continue
            for (variant, precision), row in measure(style, Path(folder)).items():
                cells = " | ".join(row.get(name, "") for name in names)
                print(f"| `{style.name}`, {variant} | {precision} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
