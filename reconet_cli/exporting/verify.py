"""Does a file paint what the network paints? Differences at several sizes, in code values (1/255)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from reconet_cli.engines.openvino.model import LEAST_AGREEMENT
from reconet_cli.engines.openvino.quantize import peak_signal_to_noise
from reconet_cli.errors import ExportError
from reconet_cli.exporting.plan import Plan
from reconet_cli.exporting.program import as_float
from reconet_cli.exporting.runtimes import Run, open_file
from reconet_cli.system.folders import packaged_frames
from reconet_cli.system.pictures import read_rgb

# (width, height); one side and the other, both and none are odd or no multiple of eight.
SIZES = ((640, 360), (427, 240), (320, 181), (255, 143), (180, 320))
# The largest difference from the network in float, in code values.
_MOST = {"fp32": 1.0, "fp16": 2.0}


@dataclass(frozen=True)
class Difference:
    """How far a file's picture of one size is from the network's: code values, and PSNR in dB."""

    size: tuple[int, int]
    largest: float
    mean: float
    psnr: float

    def within(self, precision: str) -> bool:
        """Whether a file of this precision may differ so much."""
        return self.psnr >= LEAST_AGREEMENT if precision == "int8" else self.largest <= _MOST[precision]


def limit(precision: str) -> str:
    """The limit of a precision, in words."""
    if precision == "int8":
        return f"at least {LEAST_AGREEMENT:g} dB"
    return f"at most {_MOST[precision]:g} code value{'s' if _MOST[precision] > 1 else ''}"


def frames(plan: Plan) -> Iterator[np.ndarray]:
    """Frames `(H, W, 3)`: shipped pictures at each of `SIZES`, or all of them at the plan's size."""
    if not (paths := packaged_frames()):
        raise ExportError("this installation lacks the photographs that come along", "install it again")
    pictures = [read_rgb(path, ExportError) for path in paths]
    if plan.size:
        for picture in pictures:
            yield cv2.resize(picture, plan.size, interpolation=cv2.INTER_AREA)
        return
    for number, size in enumerate(SIZES):
        yield cv2.resize(pictures[number % len(pictures)], size, interpolation=cv2.INTER_AREA)


def differences(plan: Plan, path: Path) -> tuple[list[Difference], str]:
    """Run a file on `frames` and compare with the plain network in float32; also the runtime's name."""
    import torch

    from reconet_cli.model.tensors import to_tensor
    from reconet_cli.model.weights import load_weights

    network = load_weights(plan.weights)
    run, runtime = open_file(path, plan.kind)
    found = []
    for frame in frames(plan):
        with torch.inference_mode():
            expected = network(to_tensor(frame)[None])[0].permute(1, 2, 0).numpy() * 255
        found.append(_difference(expected, painted(run, frame, plan.byte_frames)))
    return found, runtime


def painted(run: Run, frame: np.ndarray, byte_frames: bool) -> np.ndarray:
    """What a file makes of a frame `(H, W, 3)`, as it comes out: uint8, or float32 code values."""
    if byte_frames:
        return run(frame[None]).squeeze(0)
    values: np.ndarray = run(as_float(frame[None]))[0].transpose(1, 2, 0) * 255
    return values


def _difference(expected: np.ndarray, found: np.ndarray) -> Difference:
    height, width, _ = expected.shape
    if found.shape != expected.shape or not np.isfinite(found).all():
        return Difference((width, height), float("inf"), float("inf"), 0.0)
    if found.dtype == np.uint8:
        expected = np.floor(expected + 0.5)
    gap = np.abs(found.astype(np.float32) - expected)
    return Difference((width, height), float(gap.max()), float(gap.mean()), peak_signal_to_noise(expected, found))
