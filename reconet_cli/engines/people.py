"""The network that finds people, on OpenVINO where that is installed, else on PyTorch; on the CPU."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reconet_cli.system.folders import packaged_folder
from reconet_cli.system.identity import digest

# The sizes (height, width) at which frames are looked at; each has weights of its own.
SIZES = {"wide": (144, 256), "square": (256, 256)}
# From this aspect ratio on a frame is wide.
_WIDE = 1.5
# Goes up whenever the same weights give another model.
_VERSION = 1


class PeopleEngine(Protocol):
    """Says where people are in a frame of the size that it was loaded for; may be called on several threads."""

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """RGB uint8 `(h, w, 3)` to the share of a person in each pixel, float32 `(h, w)` in [0, 1]."""
        ...


def people_file() -> Path:
    """The shipped weights."""
    return packaged_folder() / "people" / "people.safetensors"


def kind_of(height: int, width: int) -> str:
    """Which of the network's weights are for frames of a shape: a key of `SIZES`."""
    return "wide" if width >= _WIDE * height else "square"


def load_people_engine(kind: str) -> PeopleEngine:
    """The engine for frames of a size of `SIZES`. Raises `StyleError` where weights are missing."""
    if find_spec("openvino") is not None:
        return _OpenVINO(kind)
    return _Torch(kind)


class _Torch:
    def __init__(self, kind: str) -> None:
        from reconet_cli.model.people import PeopleGraph, load_people

        self._graph = PeopleGraph(load_people(people_file(), kind))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            shares: np.ndarray = self._graph(torch.from_numpy(frame)[None])[0].numpy()
        return shares


class _OpenVINO:
    def __init__(self, kind: str) -> None:
        from reconet_cli.engines.openvino.core import openvino_core
        from reconet_cli.engines.openvino.engine import compile_requests
        from reconet_cli.engines.pool import Pool

        core = openvino_core()
        self._requests = Pool(compile_requests(core, _model(core, kind), "CPU", "fp32"))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        with self._requests.take() as request:
            request.infer([frame[None]], share_inputs=True)
            shares: np.ndarray = request.get_output_tensor().data[0].copy()
        return shares


def _model(core: Any, kind: str) -> Any:
    """The `openvino.Model` for a kind of frame: out of the cache, or converted."""
    import openvino

    from reconet_cli.engines.openvino.model_cache import keep_model, load_model

    key = digest([repr((_VERSION, openvino.__version__, "people", kind)), people_file()])
    model = load_model(core, key)
    if model is None:
        converted = _converted(kind)
        keep_model(key, converted)
        # What was read differs by rounding, and a resumed run would too.
        model = load_model(core, key) or converted
    return model


def _converted(kind: str) -> Any:
    import openvino
    import torch

    from reconet_cli.engines.openvino.convert import traced
    from reconet_cli.model.people import PeopleGraph, load_people

    shape = [1, *SIZES[kind], 3]
    example = torch.zeros(shape, dtype=torch.uint8)
    graph = PeopleGraph(load_people(people_file(), kind))
    return openvino.convert_model(traced(graph, example), example_input=example, input=shape)
