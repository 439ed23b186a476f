"""From a style's name to an engine, one for each backend."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from reconet_cli.engines.kinds import Engine, EngineOptions, loader_of
from reconet_cli.engines.ram import frames_that_fit, size_that_fits
from reconet_cli.errors import EngineError
from reconet_cli.model.weights import read_metadata
from reconet_cli.styles.finding import find_style
from reconet_cli.system.memory import free_memory

# For weights; exported files have `exported.BACKENDS`.
BACKENDS = ("openvino", "torch")


def load_engine(
    style: str,
    *,
    height: int,
    width: int,
    variant: str = "auto",
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    sixteen_bit: bool = False,
) -> Engine:
    """Load a style for frames of one size, uint8 or (`sixteen_bit`) uint16 over its whole range.

    `style` is a name, a path, or an exported file. `backend` is one of `BACKENDS`, or `auto`: PyTorch on a GPU, unless
    int8 is asked for, else OpenVINO where it is installed; for exported files it is one of `exported.BACKENDS`. Raises
    `StyleError` for styles that cannot be loaded, and `EngineError` for backends, devices and precisions that are not
    there, and for frames that do not fit into the free memory.
    """
    path = find_style(style, variant)
    engine: Engine
    if loader := loader_of(path):
        return loader(path, (height, width), sixteen_bit, EngineOptions(variant, backend, device, precision))
    backend = _choose_backend(backend, device, precision)
    if backend == "openvino":
        from reconet_cli.engines.openvino.engine import CONCURRENCY, OpenVINOEngine
        from reconet_cli.engines.openvino.model import ModelSource

        source = ModelSource(path, height, width, sixteen_bit)
        rounded = not sixteen_bit and precision in ("auto", "int8")
        concurrency = _concurrency(path, height, width, "int8" if rounded else "float")
        engine = OpenVINOEngine(
            source, device, precision, CONCURRENCY if concurrency is None else min(CONCURRENCY, concurrency)
        )
    else:
        from reconet_cli.engines.torch.devices import choose_device
        from reconet_cli.engines.torch.engine import TorchEngine
        from reconet_cli.model.weights import load_weights

        chosen = choose_device(device)
        if chosen.type == "cpu":
            _concurrency(path, height, width, "torch")
        engine = TorchEngine(load_weights(path), height, width, chosen, precision, sixteen_bit=sixteen_bit)
    engine.description = f"{path.stem} · {engine.description}"
    return engine


def _concurrency(path: Path, height: int, width: int, way: str) -> int | None:
    """As `frames_that_fit`. Raises EngineError where not even one frame does."""
    config, free = read_metadata(path)["config"], free_memory()
    concurrency = frames_that_fit(config, height, width, way, free)
    if concurrency == 0 and free is not None:
        largest = "x".join(str(side) for side in size_that_fits(config, height, width, way, free))
        raise EngineError(
            f"frames of {width}x{height} do not fit into the free memory ({free / 1e9:.1f} GB)",
            f"up to {largest} would: --size {largest}; the fast networks need less",
        )
    return concurrency


def _choose_backend(backend: str, device: str, precision: str) -> str:
    there = find_spec("openvino") is not None
    if backend == "openvino" and not there:
        raise EngineError("OpenVINO is not installed", "pip install openvino, or use --engine torch")
    if backend in BACKENDS:
        return backend
    if backend == "onnxruntime":
        raise EngineError("ONNX Runtime runs exported styles only", "make one: reconet export --style NAME NAME.onnx")
    if backend != "auto":
        raise EngineError(f"no engine {backend!r}", f"choose one of {', '.join(BACKENDS)}")
    if not there:
        return "torch"
    if device == "cpu" or (device == "auto" and (precision == "int8" or not _may_have_gpu())):
        return "openvino"  # which alone runs in int8
    from reconet_cli.engines.torch.devices import choose_device

    return "openvino" if choose_device(device).type == "cpu" else "torch"


def _may_have_gpu() -> bool:
    """Whether it is worth asking PyTorch, which takes seconds to load."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    drivers = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
    return shutil.which("nvidia-smi") is not None or any(Path(driver).exists() for driver in drivers)
