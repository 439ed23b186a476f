"""What is to be exported, and what the file says about itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from reconet_cli import __version__
from reconet_cli.errors import ExportError
from reconet_cli.model.weights import read_metadata
from reconet_cli.styles.cards import read_card
from reconet_cli.styles.finding import VARIANT_ORDER, style_name
from reconet_cli.system.identity import digest

# The formats and the endings that choose them.
ENDINGS = {
    ".onnx": "onnx",
    ".xml": "openvino",
    ".pt2": "pt2",
    ".torchscript": "torchscript",
    ".ts": "torchscript",
}
# What every file calls what goes in and what comes out.
INPUT, OUTPUT = "frame", "painted"
USUAL_ENDINGS = {"onnx": ".onnx", "openvino": ".xml", "pt2": ".pt2", "torchscript": ".torchscript"}
PRECISIONS = ("fp32", "fp16", "int8")
_NO_LICENSE = "unknown; ask whoever made the picture"


@dataclass(frozen=True)
class Plan:
    """One file to write: weights, format, precision, frames as bytes or floats, and (width, height) or any size."""

    weights: Path
    kind: str
    precision: str = "fp32"
    byte_frames: bool = False
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.precision == "int8" and self.kind in ("pt2", "torchscript"):
            raise ExportError(f"int8 is not for {self.kind}", "choose onnx or openvino, or --precision fp16")

    @property
    def style(self) -> str:
        """The style's name: that of the folder, unless the file has a name of its own."""
        return style_name(self.weights)


def chosen_format(path: Path, wanted: str | None) -> str:
    """The format of a file's name, unless one is `wanted`. Raises `ExportError` where neither says it."""
    kind = wanted or ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise ExportError(f"{path} does not say the format", f"end it in {', '.join(ENDINGS)}, or use --format")
    if kind == "openvino" and path.suffix.lower() != ".xml":
        raise ExportError(f"{path}: OpenVINO's files end in .xml, with a .bin beside them", "give a name in .xml")
    return kind


def metadata(plan: Plan) -> dict[str, str]:
    """What an exported file says about itself."""
    stored = read_metadata(plan.weights)
    config, recipe = stored["config"], stored["recipe"]
    width, height = plan.size or ("any", "any")
    return {
        "style": plan.style,
        "variant": plan.weights.stem if plan.weights.stem in VARIANT_ORDER else str(config["family"]),
        "precision": plan.precision,
        "layout": "NHWC uint8 RGB" if plan.byte_frames else "NCHW float32 RGB",
        "range": "0..255" if plan.byte_frames else "0..1",
        "size": f"{width}x{height}",
        "recipe_sha256": digest([json.dumps(recipe, sort_keys=True)]),
        "weights_sha256": digest([plan.weights]),
        "picture_license": str(read_card(plan.weights.parent).get("picture_license", _NO_LICENSE)),
        "reconet": __version__,
    }
