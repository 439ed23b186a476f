"""From a weights file to an OpenVINO model: out of the cache, or converted and, for int8, calibrated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reconet_cli import __version__
from reconet_cli.engines.openvino.model_cache import keep_model, load_model
from reconet_cli.errors import EngineError
from reconet_cli.system.folders import packaged_frames
from reconet_cli.system.identity import digest

# Goes up whenever the same weights give another model.
_VERSION = 6
# int8 is calibrated on, and compared with float on, the frames that come along, at their own size.
SMALL = (360, 640)
# The least agreement with float, in dB, at which int8 is taken without being asked for.
LEAST_AGREEMENT = 32.0
_PRECISION, _RANGES = "reconet_precision", "reconet_ranges"


@dataclass(frozen=True)
class ModelSource:
    """What a model is made from: a style's weights, for frames of one size, uint8 or (`sixteen_bit`) uint16."""

    weights: Path
    height: int
    width: int
    sixteen_bit: bool

    def float_model(self, core: Any) -> Any:
        """The network as it is."""
        return self._cached(core, "float", self._convert)

    def int8_model(self, core: Any, least_agreement: float) -> tuple[Any, str]:
        """The network in int8 and `int8`, or as it is and `fp32` where int8 agrees less than `least_agreement` dB."""
        model = self._cached(core, f"int8 {least_agreement}", lambda: self._calibrated(core, least_agreement))
        return model, model.get_rt_info(_PRECISION).astype(str)

    def _cached(self, core: Any, kind: str, make: Callable[[], Any]) -> Any:
        import openvino

        settings = (_VERSION, __version__, openvino.__version__, kind, self.height, self.width, self.sixteen_bit)
        key = digest([repr(settings), self.weights])
        model = load_model(core, key)
        if model is None:
            model = make()
            keep_model(key, model)
        return model

    def _convert(self) -> Any:
        from reconet_cli.engines.openvino.convert import convert
        from reconet_cli.model.weights import load_weights

        return convert(load_weights(self.weights), self.height, self.width, sixteen_bit=self.sixteen_bit)

    def _calibrated(self, core: Any, least_agreement: float) -> Any:
        from reconet_cli.engines.openvino.quantize import quantize

        small = ModelSource(self.weights, *SMALL, sixteen_bit=False)
        if self == small:
            return self._measured(core, least_agreement)
        # Calibration takes most of the time, and it's the same for all sizes.
        ranges = small.int8_model(core, least_agreement)[0].get_rt_info(_RANGES).astype(str)
        model = self._convert()
        return _noted(quantize(model, json.loads(ranges)) if ranges else model, ranges)

    def _measured(self, core: Any, least_agreement: float) -> Any:
        """The network in int8, or as it is where int8 agrees less. The size is `SMALL`."""
        from reconet_cli.engines.openvino.quantize import agreement, input_ranges, quantize

        model, frames = self._convert(), calibration_frames()
        ranges = input_ranges(core, model, frames)
        rounded = quantize(model, ranges)
        if agreement(core, model, rounded, frames) < least_agreement:
            return _noted(model, "")
        return _noted(rounded, json.dumps(ranges))


def _noted(model: Any, ranges: str) -> Any:
    """A model that knows its precision and the `input_ranges` of its convolutions; none are those of a float model."""
    model.set_rt_info("int8" if ranges else "fp32", _PRECISION)
    model.set_rt_info(ranges, _RANGES)
    return model


def calibration_frames() -> list[np.ndarray]:
    """Shipped frames as inputs `(1, H, W, 3)`; raises `EngineError` where there are none."""
    import cv2

    from reconet_cli.system.pictures import read_rgb

    if not (paths := packaged_frames()):
        raise EngineError("int8 needs the photographs that come along, and they are missing", "install it again")
    return [cv2.resize(read_rgb(path, EngineError), SMALL[::-1])[None] for path in paths]
