"""reconet turns video into painted video without flicker (ReCoNet, arXiv 1807.01197).

>>> import reconet_cli as reconet
>>> style = reconet.load_style("mosaic")
>>> outcome = reconet.stylize("in.mp4", "out.mp4", style=style)

Everything here is typed, prints nothing, raises `ReconetError`s and logs to the logger `reconet`. Importing it loads
neither PyTorch nor OpenVINO: names are looked up when they are first used.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconet_cli.engines.loaded_style import LoadedStyle
    from reconet_cli.errors import ReconetError
    from reconet_cli.evaluation.evaluate import evaluate, evaluate_truth
    from reconet_cli.evaluation.reports import ClipReport, TruthReport
    from reconet_cli.exporting.export import export_style
    from reconet_cli.flow.arrays import visibility, warp
    from reconet_cli.flow.estimate import estimate_flow
    from reconet_cli.stylizing.deflicker.clips import deflicker
    from reconet_cli.stylizing.frames import stylize_frames
    from reconet_cli.stylizing.preview.preview import preview
    from reconet_cli.stylizing.stylize import stylize
    from reconet_cli.training.learning import load_style
    from reconet_cli.training.train import TrainingStopped, train_style
    from reconet_cli.video.open_video import Video, open_video

__version__ = "0.1.0"

_HOME = {
    "ClipReport": "evaluation.reports",
    "LoadedStyle": "engines.loaded_style",
    "ReconetError": "errors",
    "TrainingStopped": "training.train",
    "TruthReport": "evaluation.reports",
    "Video": "video.open_video",
    "deflicker": "stylizing.deflicker.clips",
    "estimate_flow": "flow.estimate",
    "evaluate": "evaluation.evaluate",
    "evaluate_truth": "evaluation.evaluate",
    "export_style": "exporting.export",
    "load_style": "training.learning",
    "open_video": "video.open_video",
    "preview": "stylizing.preview.preview",
    "stylize": "stylizing.stylize",
    "stylize_frames": "stylizing.frames",
    "train_style": "training.train",
    "visibility": "flow.arrays",
    "warp": "flow.arrays",
}
__all__ = [
    "ClipReport",
    "LoadedStyle",
    "ReconetError",
    "TrainingStopped",
    "TruthReport",
    "Video",
    "__version__",
    "deflicker",
    "estimate_flow",
    "evaluate",
    "evaluate_truth",
    "export_style",
    "load_style",
    "open_video",
    "preview",
    "stylize",
    "stylize_frames",
    "train_style",
    "visibility",
    "warp",
]

logging.getLogger("reconet").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
