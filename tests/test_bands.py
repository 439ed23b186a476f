"""Large frames: painted band by band they are what they would be as a whole; memory decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from reconet_cli.engines import load, load_engine
from reconet_cli.engines import ram as memory
from reconet_cli.engines.openvino.quantize import peak_signal_to_noise
from reconet_cli.model.network import VARIANTS, NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights

pytest.importorskip("openvino")
bands = pytest.importorskip("reconet_cli.engines.bands.bands")


def style(folder: Path, kind: str = "fast-instance") -> str:
    torch.manual_seed(2)
    family, norm = kind.split("-")
    path = folder / f"{family}.safetensors"
    save_weights(path, ReCoNet(NetworkConfig(family, (4, 6, 8), 1, norm)), {})
    return str(path)


def scene(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 7), np.cos(y / 5), np.sin((x + y) / 11)], -1)
    return np.round((waves * 100 + 128) * (np.iinfo(dtype).max / 255)).astype(dtype)


def engines(style: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, **options):
    """The same style for whole frames and for bands of eight rows."""
    monkeypatch.setattr(bands, "_BAND_BYTES", 1)
    options = {"backend": "openvino", **options, "height": size[0], "width": size[1], "device": "cpu"}
    return load_engine(style, **options), load_engine(style, banded=True, **options)


# More rows than a band has, at every depth; sides that are no multiples; a last band of one row.
@pytest.mark.parametrize("backend", ["openvino", "torch"])
@pytest.mark.parametrize(
    ("kind", "size"), [("fast-instance", (152, 40)), ("paper-instance", (101, 75)), ("fast-frn", (101, 75))]
)
def test_bands_paint_the_whole_frame(tmp_path, kind, size, backend, monkeypatch):
    whole, banded = engines(style(tmp_path, kind), size, monkeypatch, backend=backend, precision="fp32")
    difference = np.abs(whole(scene(*size)).astype(int) - banded(scene(*size)))
    assert difference.max() <= 1
    assert difference.mean() < 0.01
    assert "band by band" in banded.description


def test_bands_in_int8_are_as_near_to_float_as_the_whole_frame_is(tmp_path, monkeypatch):
    whole, banded = engines(style(tmp_path), (152, 40), monkeypatch, precision="int8")
    assert banded.precision == "int8"
    frame, size = scene(152, 40), {"height": 152, "width": 40}
    exact = load_engine(style(tmp_path), backend="torch", device="cpu", precision="fp32", **size)(frame)
    apart = [peak_signal_to_noise(exact, painted) for painted in (whole(frame), banded(frame))]
    assert abs(apart[0] - apart[1]) < 0.5
    assert peak_signal_to_noise(whole(frame), banded(frame)) > 38


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_bands_in_half_precision_paint_nearly_the_same(tmp_path, precision, monkeypatch):
    whole, banded = engines(style(tmp_path), (101, 75), monkeypatch, backend="torch", precision=precision)
    assert banded.precision == precision
    assert peak_signal_to_noise(whole(scene(101, 75)), banded(scene(101, 75))) > 38


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_deep_frames_in_bands(tmp_path, backend, monkeypatch):
    whole, banded = engines(style(tmp_path), (72, 40), monkeypatch, backend=backend, deep=True)
    frame = scene(72, 40, np.uint16)
    assert np.abs(whole(frame).astype(int) - banded(frame)).max() <= 16


@pytest.mark.parametrize(
    ("kind", "free", "banded"),
    [
        ("paper-instance", 10**12, False),
        ("paper-instance", None, False),
        ("paper-instance", 0, True),
        ("fast-instance", 0, False),
    ],
)
@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_memory_decides(tmp_path, monkeypatch, kind, free, banded, backend):
    monkeypatch.setattr(load, "free_memory", lambda: free)
    engine = load_engine(style(tmp_path, kind), height=24, width=24, backend=backend, device="cpu", precision="fp32")
    assert ("band by band" in engine.description) == banded
    assert engine(scene(24, 24)).shape == (24, 24, 3)


def test_the_estimate_is_that_of_measurements():
    fast, paper = VARIANTS["fast"].to_dict(), VARIANTS["paper"].to_dict()
    # Measured: the fast network at 7680x4320 took 1.0 GB in int8 and 1.3 in float, the paper's at 4K 2.2 in int8.
    assert 0.67 < memory.bytes_per_pixel(fast, "int8") * 7680 * 4320 / 0.96e9 < 1.5
    assert 0.67 < memory.bytes_per_pixel(fast, "float") * 7680 * 4320 / 1.27e9 < 1.6
    assert 0.67 < memory.bytes_per_pixel(paper, "int8") * 3840 * 2160 / 2.2e9 < 1.5
    # At 1920x1080 on PyTorch: 136 and 756 bytes a pixel.
    assert 0.67 < memory.bytes_per_pixel(fast, "torch") / 136 < 1.5
    assert 0.67 < memory.bytes_per_pixel(paper, "torch") / 756 < 1.5
    eighty = 7680 * 4320 * (90 + 2 * memory.bytes_per_pixel(fast, "int8"))
    assert memory.lanes_that_fit(fast, 4320, 7680, "int8", eighty) == 2
    assert memory.lanes_that_fit(fast, 4320, 7680, "int8", eighty // 3) == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_that_is_too_small_paints_band_by_band(tmp_path):
    path = style(tmp_path, "paper-instance")
    whole = load_engine(path, height=1024, width=1024, backend="torch", device="cuda", precision="fp32")
    expected = whole(scene(1024, 1024))
    del whole
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(2e8 / torch.cuda.get_device_properties(0).total_memory)
    try:
        engine = load_engine(path, height=1024, width=1024, backend="torch", device="cuda", precision="fp32")
        assert "band by band" in engine.description
        assert np.abs(expected.astype(int) - engine(scene(1024, 1024))).max() <= 1
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
