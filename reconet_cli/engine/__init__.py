"""Loaded styles that map uint8 frames to uint8 frames."""

import sys

# OpenVINO's converter reports its use to its maker over the network, unless this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

from reconet_cli.engine.load import Engine, load_engine  # noqa: E402 - after the line above

__all__ = ["Engine", "load_engine"]
