"""OpenVINO for frames that are too large for the memory as a whole."""

from __future__ import annotations

import numpy as np

from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.engines.openvino.model import LEAST_AGREEMENT, ModelSource


class BandedEngine:
    """A network on OpenVINO that paints band by band: less memory for several times the work.

    In float the pictures are those of `OpenVINOEngine` to the last rounding. In int8 they differ as they do between one
    thread and two: the last digits of a norm's sums depend on their order, and rounding makes steps of that.
    Raises `EngineError` for a precision the CPU lacks.
    """

    lanes = 1

    def __init__(self, source: ModelSource, precision: str) -> None:
        from reconet_cli.engines.bands.band_openvino import banded_on_openvino
        from reconet_cli.engines.openvino.engine import HINTS, offered_precisions
        from reconet_cli.model.weights import load_weights

        core = openvino_core()
        offered = offered_precisions(core, "CPU", precision)
        least = 0.0 if precision == "int8" else LEAST_AGREEMENT
        rounded = precision == "int8" or (precision == "auto" and "int8" in offered and not source.deep)
        ranges = source.ranges(core, least) if rounded else None
        self.precision = "int8" if ranges else "fp32" if precision == "auto" else precision
        network = load_weights(source.weights)
        self._paint = banded_on_openvino(core, network, ranges, HINTS[self.precision], deep=source.deep)
        self.description = f"OpenVINO CPU {self.precision}, band by band to save memory"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)` of the size and type given at the start."""
        return self._paint(frame)
