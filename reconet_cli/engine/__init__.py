"""Loaded styles that map uint8 frames to uint8 frames."""

import sys

# OpenVINO's converter reports its use to its maker over the network, unless this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

from reconet_cli.engine.kinds import Engine, EngineOptions, register_engine, unregister_engine  # noqa: E402 - after the line above
from reconet_cli.engine.load import load_engine  # noqa: E402
from reconet_cli.engine.style import LoadedStyle, load_style  # noqa: E402

__all__ = [
    "Engine",
    "EngineOptions",
    "LoadedStyle",
    "load_engine",
    "load_style",
    "register_engine",
    "unregister_engine",
]
