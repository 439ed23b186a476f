"""int8: close to the float network, on real int8 kernels, whatever the range of what flows through it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reconet_cli.engines.graph import FrameGraph
from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.engines.openvino.quantize import input_ranges, peak_signal_to_noise, quantize
from reconet_cli.engines.rewrites import fold_upscaling
from reconet_cli.model.network import build_network

openvino = pytest.importorskip("openvino")
HEIGHT, WIDTH = 72, 96


def converted(module: nn.Module, shape: tuple[int, ...], dtype: torch.dtype) -> openvino.Model:
    return openvino.convert_model(module, example_input=torch.zeros(shape, dtype=dtype), input=list(shape))


def scene(seed: int) -> np.ndarray:
    """A smooth colorful frame `(1, H, W, 3)`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    waves = [np.sin(x / rng.uniform(4, 30) + y / rng.uniform(4, 30) + rng.uniform(0, 6)) for _ in range(3)]
    return ((np.stack(waves, -1) * 0.45 + 0.5) * 255).astype(np.uint8)[None]


@pytest.mark.parametrize("variant", ["fast", "paper-small"])
def test_int8_paints_nearly_the_same_picture(variant):
    torch.manual_seed(1)
    core = openvino_core()
    plain = converted(FrameGraph(fold_upscaling(build_network(variant).eval())), (1, HEIGHT, WIDTH, 3), torch.uint8)
    rounded = quantize(plain, input_ranges(core, plain, [scene(seed) for seed in range(3)]))
    exact, quick = (core.compile_model(m, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}) for m in (plain, rounded))
    # Seen in calibration or not, the pictures agree.
    for seed in (0, 7, 8, 9):
        assert peak_signal_to_noise(exact([scene(seed)])[0], quick([scene(seed)])[0]) > 30


def test_convolutions_run_in_int8():
    core = openvino_core()
    if "INT8" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no int8 instructions")
    plain = converted(FrameGraph(fold_upscaling(build_network("fast").eval())), (1, HEIGHT, WIDTH, 3), torch.uint8)
    compiled = core.compile_model(
        quantize(plain, input_ranges(core, plain, [scene(0)])), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    kinds = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    convolutions = [info for info in kinds if info["layerType"].astype(str) in ("Convolution", "Deconvolution")]
    assert len(convolutions) == 14
    assert sum(info["runtimePrecision"].astype(str) in ("i8", "u8") for info in convolutions) >= 12


class _Signed(nn.Module):
    """A convolution behind a sum that goes far below zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x * 40 - 30)


def test_ranges_reach_below_zero():
    torch.manual_seed(0)
    core = openvino_core()
    module = _Signed().eval()
    plain = converted(module, (1, 3, 32, 32), torch.float32)
    inputs = [np.random.default_rng(seed).random((1, 3, 32, 32), dtype=np.float32) for seed in range(3)]
    compiled = core.compile_model(
        quantize(plain, input_ranges(core, plain, inputs[:2])), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    expected = module(torch.from_numpy(inputs[2])).detach().numpy()
    found = compiled([inputs[2]])[0]
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_noise_ratio_of_a_known_error():
    picture = np.full((8, 8, 3), 100, np.uint8)
    assert peak_signal_to_noise(picture, picture) == 99
    assert peak_signal_to_noise(picture, picture + 1) == pytest.approx(48.13, abs=0.01)
