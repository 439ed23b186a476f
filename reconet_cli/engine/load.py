"""From a style's name to an engine, one for each backend."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Protocol

import numpy as np

from reconet_cli.errors import EngineError
from reconet_cli.model.styles import find_style
from reconet_cli.model.weights import load_weights

BACKENDS = ("openvino", "torch")


class Engine(Protocol):
    """A style loaded for frames of one size; it may be called on `lanes` threads at the same time."""

    description: str
    precision: str
    lanes: int

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)`, uint8 or (deep) uint16; the result has the same shape and type."""
        ...


def load_engine(
    style: str,
    *,
    height: int,
    width: int,
    variant: str = "auto",
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    deep: bool = False,
) -> Engine:
    """Load a style (name or path) for frames of one size, uint8 or (`deep`) uint16 over its whole range.

    `backend` is one of `BACKENDS` or `auto`: PyTorch on a GPU, else OpenVINO where it is installed. Raises `StyleError`
    for styles that cannot be loaded and `EngineError` for backends, devices and precisions that are not there.
    """
    path = find_style(style, variant)
    network = load_weights(path)
    backend = _choose_backend(backend, device)
    engine: Engine
    if backend == "openvino":
        from reconet_cli.engine.openvino_engine import OpenVINOEngine

        engine = OpenVINOEngine(network, height, width, device, precision, deep=deep)
    else:
        from reconet_cli.engine.torch_engine import TorchEngine

        engine = TorchEngine(network, device, precision, deep=deep)
    engine.description = f"{path.stem} · {engine.description}"
    return engine


def _choose_backend(backend: str, device: str) -> str:
    there = find_spec("openvino") is not None
    if backend == "openvino" and not there:
        raise EngineError("OpenVINO is not installed", "pip install openvino, or use --engine torch")
    if backend in BACKENDS:
        return backend
    if backend != "auto":
        raise EngineError(f"no engine {backend!r}", f"choose one of {', '.join(BACKENDS)}")
    if not there:
        return "torch"
    from reconet_cli.engine.devices import choose_device

    return "openvino" if device == "cpu" or choose_device(device).type == "cpu" else "torch"
