"""Engines: every backend paints the picture that the plain network paints."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from processes import PATIENCE

from reconet_cli.engines import load_engine
from reconet_cli.engines.graph import FrameGraph
from reconet_cli.engines.openvino.core import openvino_core
from reconet_cli.engines.openvino.engine import depth_to_space
from reconet_cli.engines.pool import Pool
from reconet_cli.engines.rewrites import fold_upscaling
from reconet_cli.engines.torch.cuda_graph import full_float32
from reconet_cli.engines.torch.engine import largest_batch
from reconet_cli.engines.torch.gather import Gather
from reconet_cli.errors import EngineError, StyleError
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import load_weights, save_weights


@pytest.fixture(params=["fast", "paper"])
def style(request, tmp_path):
    torch.manual_seed(2)
    path = tmp_path / f"{request.param}.safetensors"
    save_weights(path, ReCoNet(NetworkConfig(request.param, (8, 12, 16), 2)), {})
    return path


def scene(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 7), np.cos(y / 5), np.sin((x + y) / 11)], -1)
    return np.round(waves * 100 + 128).astype(np.uint8)


def reference(path, frame: np.ndarray) -> np.ndarray:
    """The plain network in float32, without any engine."""
    with torch.no_grad():
        image = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
        return load_weights(path)(image)[0].permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize(
    ("backend", "size"),
    [*(("torch", size) for size in ((48, 64), (37, 51), (8, 8), (1, 1))), ("openvino", (37, 51)), ("openvino", (1, 1))],
)
def test_fp32_equals_the_plain_network(style, backend, size):
    frame = scene(*size)
    engine = load_engine(str(style), height=size[0], width=size[1], backend=backend, device="cpu", precision="fp32")
    painted = engine(frame)
    assert painted.dtype == np.uint8
    assert painted.shape == frame.shape
    # Half a level is rounding; beyond it the networks agree to 1e-4.
    assert np.abs(painted - reference(style, frame)).max() <= 0.5 + 255e-4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(8, 12), (7, 9)])
def test_squares_become_frames(dtype, size):
    frame = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (8, 12, 3), dtype=dtype)
    squares = np.stack([frame[row::2, column::2] for row in range(2) for column in range(2)], 2)
    joined = depth_to_space(squares.reshape(4, 6, 12), *size)
    assert np.array_equal(joined, frame[: size[0], : size[1]])
    assert joined.flags.c_contiguous


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_deep_frames_keep_what_eight_bits_lose(style, backend):
    frame = scene(37, 51).astype(np.uint16) * 257 + np.arange(51, dtype=np.uint16)[:, None]
    engine = load_engine(str(style), height=37, width=51, backend=backend, device="cpu", sixteen_bit=True)
    painted = engine(frame)
    assert painted.dtype == np.uint16
    assert painted.shape == frame.shape
    expected = reference(style, frame / 257) * 257
    assert np.abs(painted - expected).max() <= 16  # a quarter of a ten-bit step
    assert len(np.unique(painted)) > 300


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_lanes_paint_at_the_same_time_and_frames_share_no_memory(style, backend):
    engine = load_engine(str(style), height=48, width=64, backend=backend, device="cpu", precision="fp32")
    frames = [np.roll(scene(48, 64), shift, axis=1) for shift in range(24)]
    with ThreadPoolExecutor(engine.concurrency) as pool:
        painted = list(pool.map(engine, frames))
    for frame, result in zip(frames, painted, strict=True):
        assert np.abs(result - reference(style, frame)).max() <= 1.0


@pytest.mark.parametrize("style", ["fast"], indirect=True)
def test_default_on_a_cpu_is_openvino(style):
    engine = load_engine(str(style), height=32, width=32, device="cpu")
    assert "OpenVINO" in engine.description
    able = "INT8" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert (engine.precision == "int8") == able
    assert np.abs(engine(scene(32, 32)) - reference(style, scene(32, 32))).mean() < 5


def test_bf16_paints_nearly_the_same(style):
    engine = load_engine(str(style), height=64, width=64, backend="torch", device="cpu", precision="bf16")
    assert np.abs(engine(scene(64, 64)) - reference(style, scene(64, 64))).mean() < 4


@pytest.mark.parametrize("style", ["fast"], indirect=True)
def test_int8_is_openvinos_on_a_machine_with_a_gpu_too(style, tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert "OpenVINO CPU int8" in load_engine(str(style), height=32, width=32, precision="int8").description


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "abacus"}, "abacus"),
        ({"backend": "torch", "device": "cuda:99"}, "cuda:99"),
        ({"backend": "torch", "device": "toaster"}, "toaster"),
        ({"backend": "openvino", "device": "NOPE"}, "NOPE"),
        ({"backend": "openvino", "device": "cpu", "precision": "fp64"}, "fp64"),
        ({"backend": "torch", "device": "cpu", "precision": "int4"}, "int4"),
    ],
)
def test_impossible_wishes_give_a_message(style, options, message):
    with pytest.raises(EngineError, match=message):
        load_engine(str(style), height=32, width=32, **options)


def test_unknown_style_gives_the_list():
    with pytest.raises(StyleError, match="styles:"):
        load_engine("nothing like it", height=32, width=32)


def test_frames_of_several_threads_go_together_and_come_back_to_their_own():
    sizes = []

    def paint_all(frames):
        sizes.append(len(frames))
        time.sleep(0.002)
        return [255 - frame for frame in frames]

    gather = Gather(Pool([paint_all, paint_all]), 4)
    frames = [np.full((2, 2, 3), number, np.uint8) for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for frame, result in zip(frames, pool.map(gather, frames), strict=True):
            assert np.array_equal(result, 255 - frame)
    assert sum(sizes) == len(frames)
    assert 1 < max(sizes) <= 4
    sizes.clear()
    gather(frames[0])
    assert sizes == [1]


def test_an_error_reaches_everyone_whose_frame_it_was_and_nobody_else():
    def paint_all(frames):
        if any(frame.max() == 13 for frame in frames):
            raise RuntimeError("thirteen")
        return list(frames)

    gather = Gather(Pool([paint_all]), 2)
    frames = [np.full((1, 1, 3), number, np.uint8) for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(gather, frame) for frame in frames]
    failed = [number for number, each in enumerate(found) if each.exception()]
    assert 13 in failed
    assert len(failed) <= 2
    assert np.array_equal(gather(frames[5]), frames[5])


def test_a_batch_is_painted_as_its_frames_are(style):
    """What CUDA graphs rely on, on the CPU."""
    graph = FrameGraph(fold_upscaling(load_weights(style)))
    frames = np.stack([scene(40, 56), 255 - scene(40, 56), np.roll(scene(40, 56), 9, axis=1)])
    with torch.no_grad():
        together = graph(torch.from_numpy(frames)).numpy()
    for frame, painted in zip(frames, together, strict=True):
        assert np.abs(painted - reference(style, frame)).max() <= 1.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_cuda_equals_the_plain_network(style, precision):
    engine = load_engine(str(style), height=96, width=128, backend="torch", device="cuda", precision=precision)
    frames = [scene(96, 128), 255 - scene(96, 128)] * 4
    with ThreadPoolExecutor(engine.concurrency) as pool:
        for frame, result in zip(frames, pool.map(engine, frames), strict=True):
            assert np.abs(result - reference(style, frame)).max() <= (1.0 if precision == "fp32" else 8.0)


def test_batches_halve_until_they_fit():
    tried = []

    def make(count):
        tried.append(count)
        if count > 1:
            raise torch.OutOfMemoryError
        return "concurrency"

    assert largest_batch(4, make) == ("concurrency", 1)
    assert tried == [4, 2, 1]
    with pytest.raises(RuntimeError, match="no capture"):
        largest_batch(4, lambda count: (_ for _ in ()).throw(RuntimeError("no capture")))


def test_float32_is_not_shortened_and_settings_of_others_stay(monkeypatch):
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "deterministic", True)
    before = cudnn.allow_tf32
    with full_float32(benchmark=True):
        assert (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic) == (False, True, True)
    assert (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic) == (before, False, True)


def test_settings_of_others_stay_where_threads_overlap():
    before, start = torch.backends.cudnn.allow_tf32, threading.Barrier(8)

    @full_float32()
    def work(_):
        time.sleep(0.001)
        return torch.backends.cudnn.allow_tf32

    def worker(number):
        start.wait(PATIENCE)
        return [work(number) for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        assert not any(any(found) for found in pool.map(worker, range(8)))
    assert torch.backends.cudnn.allow_tf32 == before
