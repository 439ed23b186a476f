"""Exported files, each run by the runtime that it was made for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from reconet_cli.engines.openvino.core import openvino_core

Run = Callable[[np.ndarray], np.ndarray]


def _with_onnxruntime(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda frame: np.asarray(session.run(None, {name: frame})[0])


def _with_openvino(path: Path) -> Run:
    compiled = openvino_core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda frame: np.asarray(compiled([frame])[0])


def _on_tensors(module: Any) -> Run:
    import torch

    @torch.inference_mode()
    def run(frame: np.ndarray) -> np.ndarray:
        painted: np.ndarray = module(torch.from_numpy(frame)).numpy()
        return painted

    return run


def _with_torch_export(path: Path) -> Run:
    import torch

    return _on_tensors(torch.export.load(path).module())


def _with_torchscript(path: Path) -> Run:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return _on_tensors(torch.jit.load(str(path)))


def open_file(path: Path, kind: str) -> tuple[Run, str]:
    """A function that runs an exported file on arrays as the file takes them, and its runtime's name."""
    if kind == "onnx" and find_spec("onnxruntime"):
        return _with_onnxruntime(path), "ONNX Runtime"
    if kind in ("onnx", "openvino"):
        return _with_openvino(path), "OpenVINO"
    return (_with_torch_export if kind == "pt2" else _with_torchscript)(path), "PyTorch"
