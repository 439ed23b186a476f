"""Loaded networks that map frames to frames, one module a runtime, behind one protocol."""

import sys

# OpenVINO's converter reports its use to its maker over the network, unless this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

from reconet_cli.engines.kinds import Engine, EngineOptions, register_engine, unregister_engine  # noqa: E402 - after the line above
from reconet_cli.engines.load import load_engine  # noqa: E402
from reconet_cli.engines.loaded_style import LoadedStyle  # noqa: E402

__all__ = [
    "Engine",
    "EngineOptions",
    "LoadedStyle",
    "load_engine",
    "register_engine",
    "unregister_engine",
]
