"""Exported files as engines: any network from frames to frames of the same size, on OpenVINO or ONNX Runtime.

A file takes and gives either bytes, `(1, H, W, 3)` uint8, or images, `(1, 3, H, W)` float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.engines.pool import Pool
from reconet_cli.errors import EngineError, ReconetError
from reconet_cli.system.failures import reason
from reconet_cli.system.processors import processors

Run = Callable[[np.ndarray], np.ndarray]
BACKENDS = ("openvino", "onnxruntime")
_BYTE, _SIXTEEN_BIT = 255, 65535
_PROVIDER = "ExecutionProvider"  # how ONNX Runtime's names of devices end


class ExportedEngine:
    """A file for frames of one size, uint8 or (`sixteen_bit`) uint16; those go through files for bytes in eight bits.

    Raises `EngineError` where the file, its frames, the device or the precision do not fit.
    """

    def __init__(
        self, path: Path, height: int, width: int, backend: str, device: str, precision: str, *, sixteen_bit: bool
    ) -> None:
        load = {"openvino": _on_openvino, "onnxruntime": _on_onnxruntime}[_chosen(path, backend)]
        self._levels = _SIXTEEN_BIT if sixteen_bit else _BYTE
        self.precision = "exported" if precision == "auto" else precision
        try:
            self._byte_frames, runs, name = load(path, height, width, device, precision)
        except ReconetError:
            raise
        except Exception as problem:  # those of ONNX Runtime have no base of their own
            raise EngineError(f"cannot run {path} on {width}x{height} frames: {reason(problem)}", _HINT) from problem
        self._runs = Pool(runs)
        self.concurrency = len(runs)
        narrow = ", in 8 bits" if sixteen_bit and self._byte_frames else ""
        self.description = f"{name}{narrow}"
        self._try(path, height, width)

    def _try(self, path: Path, height: int, width: int) -> None:
        """Paint once: what does not fit shows now, and not within a video."""
        frame = np.zeros((height, width, 3), np.uint8 if self._levels == _BYTE else np.uint16)
        try:
            shape = self(frame).shape
        except Exception as problem:
            raise EngineError(f"cannot run {path} on {width}x{height} frames: {reason(problem)}", _HINT) from problem
        if shape != frame.shape:
            raise EngineError(f"{path} makes {shape} of frames of {frame.shape}", "it is no style transfer network")

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)` of the size and type given at the start."""
        with self._runs.take() as run:
            return self._in_bytes(run, frame) if self._byte_frames else self._in_floats(run, frame)

    def _in_bytes(self, run: Run, frame: np.ndarray) -> np.ndarray:
        if self._levels == _BYTE:
            return run(frame[None]).squeeze(0)
        step = _SIXTEEN_BIT // _BYTE
        narrow = ((frame.astype(np.uint32) + step // 2) // step).astype(np.uint8)
        painted: np.ndarray = run(narrow[None])[0].astype(np.uint16) * np.uint16(step)
        return painted

    def _in_floats(self, run: Run, frame: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(frame.transpose(2, 0, 1)[None], np.float32) / self._levels
        painted = run(image)[0].transpose(1, 2, 0) * self._levels + 0.5
        return np.ascontiguousarray(painted.clip(0, self._levels).astype(frame.dtype))


_HINT = "--size paints at another size; files for any size take sides from 16 pixels on"


def _chosen(path: Path, backend: str) -> str:
    if backend == "auto":
        return "openvino" if find_spec("openvino") or path.suffix.lower() != ".onnx" else "onnxruntime"
    if backend not in BACKENDS:
        raise EngineError(f"{backend} does not run exported files", f"choose one of {', '.join(BACKENDS)}")
    if backend == "onnxruntime" and path.suffix.lower() != ".onnx":
        raise EngineError(f"ONNX Runtime cannot run {path}", "use --engine openvino")
    return backend


def _takes_bytes(path: Path, kind: str, shape: Sequence[Any], height: int, width: int) -> bool:
    """Whether a file takes bytes or images, from its input's type and shape (sides that are no numbers are free)."""
    byte_frames = kind in ("uint8", "u8")
    if len(shape) != 4 or not (byte_frames or kind in ("float", "f32")) or shape[3 if byte_frames else 1] != 3:
        raise EngineError(f"{path} takes {kind} {tuple(shape)}, which is no frame", "styles come from `reconet export`")
    sides = shape[1:3] if byte_frames else shape[2:]
    if any(isinstance(side, int) and side != wanted for side, wanted in zip(sides, (height, width), strict=True)):
        raise EngineError(f"{path} is for {sides[1]}x{sides[0]} frames, not for {width}x{height}", _HINT)
    return byte_frames


def _on_openvino(path: Path, height: int, width: int, device: str, precision: str) -> tuple[bool, list[Run], str]:
    from reconet_cli.engines.openvino.engine import compile_requests, offered_precisions

    if precision == "int8":
        raise EngineError("an exported file keeps its precision", "export it with --precision int8")
    core = openvino_core()
    target = "CPU" if device in ("auto", "cpu") else device.upper()
    offered_precisions(core, target, precision)
    model = core.read_model(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise EngineError(f"{path} has {len(model.inputs)} inputs, {len(model.outputs)} outputs", "both must be one")
    shape = [side.get_length() if side.is_static else None for side in model.inputs[0].partial_shape]
    byte_frames = _takes_bytes(path, model.inputs[0].element_type.get_type_name(), shape, height, width)
    model.reshape([1, height, width, 3] if byte_frames else [1, 3, height, width])
    requests = compile_requests(core, model, target, "fp32" if precision == "auto" else precision)
    return byte_frames, [_openvino_run(request) for request in requests], f"OpenVINO {target}"


def _openvino_run(request: Any) -> Run:
    def run(frames: np.ndarray) -> np.ndarray:
        request.infer([frames], share_inputs=True)
        # The output tensor is used again for the next frame, so the result must be a copy.
        return np.array(request.get_output_tensor().data)

    return run


def _on_onnxruntime(path: Path, height: int, width: int, device: str, precision: str) -> tuple[bool, list[Run], str]:
    try:
        import onnxruntime
    except ImportError as problem:
        raise EngineError("ONNX Runtime is not installed", "pip install onnxruntime, or --engine openvino") from problem
    if precision != "auto":
        raise EngineError("ONNX Runtime runs files as they were exported", "leave --precision out")
    name, options = _provider(device, [each.removesuffix(_PROVIDER) for each in onnxruntime.get_available_providers()])
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = processors()
    settings.enable_mem_pattern = name != "Dml"  # which does not go with it
    wanted = f"{name}{_PROVIDER}"
    # Its own fallback to the CPU would be told on standard output.
    session = onnxruntime.InferenceSession(str(path), settings, providers=[(wanted, options)], enable_fallback=0)
    if wanted not in session.get_providers():
        raise EngineError(f"ONNX Runtime cannot use {device!r} here", "its own messages say why; --device cpu works")
    taken = session.get_inputs()
    if len(taken) != 1 or len(session.get_outputs()) != 1:
        raise EngineError(f"{path} has {len(taken)} inputs, {len(session.get_outputs())} outputs", "both must be one")
    byte_frames = _takes_bytes(path, taken[0].type[len("tensor(") : -1], taken[0].shape, height, width)
    return (
        byte_frames,
        [lambda frames: session.run(None, {taken[0].name: frames})[0]],
        f"ONNX Runtime {' '.join([name, *options.values()])}",
    )


def _provider(device: str, offered: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The name in `offered` and the options of a device such as `cuda:1`, `dml` or `openvino:GPU`."""
    asked, _, part = ("cpu" if device == "auto" else device).partition(":")
    name = next((each for each in offered if each.lower() == asked.lower()), None)
    if name is None or (part and name == "CPU"):
        raise EngineError(f"ONNX Runtime has no device {device!r}", f"it has {', '.join(offered).lower()}")
    return name, {"device_type" if name == "OpenVINO" else "device_id": part} if part else {}
