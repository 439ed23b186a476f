"""Exported files paint what the network paints, at any size, and say what they are; others are not left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.cli import run
from reconet_cli.engines import load_engine
from reconet_cli.errors import EngineError
from reconet_cli.exporting import export, onnx_file, program, runtimes
from reconet_cli.exporting.plan import Plan
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import load_weights, save_weights

EXAMPLE = Path(__file__).parents[1] / "examples" / "onnx_frame.py"
# (height, width): the smallest, odd ones, and multiples of everything.
SIZES = [(16, 16), (17, 23), (45, 67), (48, 64)]


def make_style(folder: Path, family: str, blocks: int = 1) -> Path:
    torch.manual_seed(4)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{family}.safetensors"
    save_weights(path, ReCoNet(NetworkConfig(family, (6, 8, 12), blocks)), {"picture": "dots.jpg"})
    (folder / "card.json").write_text(json.dumps({"picture_license": "public domain"}))
    return path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two styles and an ONNX file of each, made once: images in float32, and bytes in int8."""
    folder = tmp_path_factory.mktemp("exported")
    fast, paper = (make_style(folder / name, family) for name, family in (("dots", "fast"), ("lines", "paper")))
    images, frames = folder / "dots.onnx", folder / "lines.onnx"
    assert run(["export", "--style", str(fast), str(images)]) == 0
    assert (
        run(["export", "--style", str(paper), "--io", "uint8", "--precision", "int8", "--no-verify", str(frames)]) == 0
    )
    return SimpleNamespace(fast=fast, paper=paper, images=images, frames=frames)


def scene(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 7), np.cos(y / 5), np.sin((x + y) / 11)], -1)
    return np.round(waves * 100 + 128).astype(np.uint8)


def image(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame.transpose(2, 0, 1)[None], np.float32) / 255


def reference(style: Path, frame: np.ndarray) -> np.ndarray:
    """The plain network in float32, as code values `(H, W, 3)`."""
    with torch.no_grad():
        return load_weights(style)(torch.from_numpy(image(frame)))[0].permute(1, 2, 0).numpy() * 255


def noise_ratio(expected: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((expected - found.astype(np.float64)) ** 2)))


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("size", SIZES)
def test_onnx_paints_any_size(shared, size):
    session = pytest.importorskip("onnxruntime").InferenceSession(str(shared.images))
    frame = scene(*size)
    painted = session.run(["painted"], {"frame": image(frame)})[0]
    assert np.abs(painted[0].transpose(1, 2, 0) * 255 - reference(shared.fast, frame)).max() < 0.02


def test_onnx_says_what_it_is(shared):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(shared.images))
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    for value in (model.graph.input[0], model.graph.output[0]):
        sides = [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        assert sides == [1, 3, "height", "width"]
    facts = {entry.key.removeprefix("reconet."): entry.value for entry in model.metadata_props}
    assert facts["style"] == "dots"
    assert facts["variant"] == "fast"
    assert facts["layout"] == "NCHW float32 RGB"
    assert facts["range"] == "0..1"
    assert facts["picture_license"] == "public domain"
    assert len(facts["recipe_sha256"]) == 64
    # One file, and rows and columns are never gathered one by one.
    assert nothing_but(shared.images.parent, "dots", "lines", "dots.onnx", "lines.onnx")
    assert all(node.op_type not in ("Gather", "Range", "CumSum") for node in model.graph.node)


def test_onnx_in_int8_takes_and_gives_bytes(shared):
    onnx = pytest.importorskip("onnx")
    kinds = [node.op_type for node in onnx.load(str(shared.frames)).graph.node]
    assert kinds.count("QuantizeLinear") == kinds.count("Conv") + kinds.count("ConvTranspose") > 5
    session = pytest.importorskip("onnxruntime").InferenceSession(str(shared.frames))
    for size in SIZES[1:]:
        frame = scene(*size)
        painted = session.run(None, {"frame": frame[None]})[0]
        assert painted.dtype == np.uint8
        assert noise_ratio(reference(shared.paper, frame), painted[0]) > 32


@pytest.mark.parametrize(
    ("family", "ending", "options", "sizes"),
    [
        ("paper", "ts", ["--precision", "fp32"], SIZES),
        ("fast", "pt2", ["--precision", "fp16", "--size", "67x45"], SIZES[2:3]),
    ],
)
def test_other_formats(tmp_path, family, ending, options, sizes):
    style, output = make_style(tmp_path / "style", family), tmp_path / f"out.{ending}"
    assert run(["export", "--style", str(style), *options, "--no-verify", str(output)]) == 0
    kind = {"pt2": "pt2", "ts": "torchscript"}[ending]
    paint = runtimes.open_file(output, kind)[0]
    for size in sizes:
        frame = scene(*size)
        gap = np.abs(paint(image(frame))[0].transpose(1, 2, 0) * 255 - reference(style, frame)).max()
        assert gap < (0.02 if "fp32" in options else 2)


@pytest.mark.parametrize(("size", "sizes"), [([], SIZES), (["--size", "67x45"], SIZES[2:3])])
def test_a_program_paints_and_runs_on_whatever_device_it_is_moved_to(tmp_path, size, sizes):
    style, output = make_style(tmp_path / "style", "fast"), tmp_path / "out.pt2"
    options = ["--io", "uint8", "--precision", "fp16", "--no-verify", *size]
    assert run(["export", "--style", str(style), *options, str(output)]) == 0
    paint = runtimes.open_file(output, "pt2")[0]
    for height, width in sizes:
        shown = scene(height, width)
        assert np.abs(paint(shown[None])[0] - reference(style, shown)).max() < 2.5
    program = torch.export.load(output)
    frame = torch.zeros(1, 45, 67, 3, dtype=torch.uint8, device="meta")
    assert program.module().to("meta")(frame).shape == frame.shape
    # What checks or makes something on a device passes there, and not on others.
    assert not any(node.kwargs.get("device") for node in program.graph.nodes)


def test_bytes_are_rounded_as_the_engine_rounds(tmp_path):
    style, output = make_style(tmp_path / "style", "fast"), tmp_path / "out.torchscript"
    assert run(["export", "--style", str(style), "--io", "uint8", "--size", "67x45", str(output)]) == 0
    paint = runtimes.open_file(output, "torchscript")[0]
    engine = load_engine(str(style), height=45, width=67, backend="torch", device="cpu", precision="fp32")
    assert np.array_equal(paint(scene(45, 67)[None])[0], engine(scene(45, 67)))


def test_the_table_has_five_sizes(tmp_path, capsys):
    style, output = make_style(tmp_path / "style", "fast"), tmp_path / "out.xml"
    assert run(["export", "--style", str(style), "--precision", "int8", str(output)]) == 0
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()]
    assert len({row[0] for row in rows}) == 5
    assert all(float(row[-2]) >= 32 for row in rows)
    assert any(int(side) % 2 for row in rows for side in row[0].split("x"))
    assert "OpenVINO" in said.err
    assert nothing_but(tmp_path, "home", "style", "out.xml", "out.bin")


def test_a_file_that_paints_something_else_is_removed(tmp_path, monkeypatch, capsys):
    style = make_style(tmp_path / "style", "fast")
    plain: Callable[..., torch.nn.Module] = program.export_graph

    def sabotaged(network: ReCoNet, **options: bool) -> torch.nn.Module:
        graph = plain(network, **options)
        next(parameter for name, parameter in graph.named_parameters() if name.endswith("head.conv.bias")).add_(0.05)
        return graph

    monkeypatch.setattr(program, "export_graph", sabotaged)
    assert run(["export", "--style", str(style), str(tmp_path / "out.ts")]) == 1
    assert "code values" in capsys.readouterr().err
    assert nothing_but(tmp_path, "home", "style")


def test_an_interrupted_export_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(plan: Plan, path: Path) -> None:
        assert path.stat().st_size > 1000  # written, and not yet compared
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(export, "differences", interrupted)
    style = make_style(tmp_path / "style", "fast")
    assert run(["export", "--style", str(style), str(tmp_path / "out.ts")]) == 130
    assert nothing_but(tmp_path, "home", "style")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out.pt2", "--precision", "int8"], "int8 is not for pt2"),
        (["out.tflite"], "--format"),
        (["out.onnx", "--format", "openvino"], ".xml"),
        (["there.ts"], "exists"),
        (["there.xml"], "there.bin exists"),
        (["out.ts", "--style", "there.onnx"], "exported file"),
        (["nowhere/out.ts"], "nowhere"),
        (["out.ts", "--variant", "paper"], "variant"),
    ],
)
def test_impossible_wishes_give_a_message(tmp_path, monkeypatch, capsys, arguments, message):
    make_style(tmp_path / "dots", "fast")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path))
    for ending in ("ts", "bin", "onnx"):
        Path(f"there.{ending}").write_text("mine")
    assert run(["export", "--style", "dots", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert nothing_but(tmp_path, "home", "dots", "there.ts", "there.bin", "there.onnx")
    assert Path("there.ts").read_text() == Path("there.bin").read_text() == "mine"


def test_a_variant_is_not_for_files(tmp_path, capsys):
    style = make_style(tmp_path / "style", "fast")
    assert run(["export", "--style", str(style), "--variant", "paper", str(tmp_path / "out.ts")]) == 2
    assert "--variant is for named styles" in capsys.readouterr().err


def test_missing_packages_are_named(tmp_path, monkeypatch, capsys):
    style = make_style(tmp_path / "style", "fast")
    missing = ModuleNotFoundError("No module named 'onnx'", name="onnx")
    monkeypatch.setattr(onnx_file, "packages", Mock(side_effect=missing))
    assert run(["export", "--style", str(style), str(tmp_path / "out.onnx")]) == 1
    assert "reconet[export]" in capsys.readouterr().err
    assert nothing_but(tmp_path, "home", "style")


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("which", ["images", "frames"])
def test_an_exported_file_is_a_style(shared, tmp_path, backend, which):
    pytest.importorskip(backend)
    cv2.imwrite(str(tmp_path / "in.png"), cv2.cvtColor(scene(45, 67), cv2.COLOR_RGB2BGR))
    file = str(getattr(shared, which))
    command = ["stylize", str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--style", file]
    assert run([*command, "--engine", backend]) == 0
    painted = cv2.cvtColor(cv2.imread(str(tmp_path / "out.png")), cv2.COLOR_BGR2RGB)
    if which == "images":
        assert np.abs(painted - reference(shared.fast, scene(45, 67))).max() <= 1
    else:
        assert noise_ratio(reference(shared.paper, scene(45, 67)), painted) > 32


@pytest.mark.parametrize(
    ("device", "provider", "options", "said"),
    [
        ("cuda:1", "CUDAExecutionProvider", {"device_id": "1"}, "ONNX Runtime CUDA 1"),
        ("dml", "DmlExecutionProvider", {}, "ONNX Runtime Dml"),
        ("CoreML", "CoreMLExecutionProvider", {}, "ONNX Runtime CoreML"),
        ("openvino:GPU", "OpenVINOExecutionProvider", {"device_type": "GPU"}, "ONNX Runtime OpenVINO GPU"),
        ("auto", "CPUExecutionProvider", {}, "ONNX Runtime CPU"),
    ],
)
def test_devices_of_onnx_runtime(shared, monkeypatch, device, provider, options, said):
    """Asked for by any spelling, with the number that was asked for, and never a CPU under another's name."""
    onnxruntime = pytest.importorskip("onnxruntime")
    there = [f"{name}ExecutionProvider" for name in ("CUDA", "Dml", "CoreML", "OpenVINO", "CPU")]
    real, refused, asked = onnxruntime.InferenceSession, False, []

    def session(path, settings, providers, **rest):
        asked.extend(providers)
        made = real(path, settings, providers=["CPUExecutionProvider"], **rest)
        active = [] if refused else [providers[0][0]]
        made.get_providers = lambda: [*active, "CPUExecutionProvider"]
        return made

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    load = {"height": 45, "width": 67, "backend": "onnxruntime"}
    assert said in load_engine(str(shared.images), device=device, **load).description
    assert asked == [(provider, options)]
    refused = True
    if device != "auto":
        with pytest.raises(EngineError, match="cannot use"):
            load_engine(str(shared.images), device=device, **load)
    for missing in ("xnnpack", "cpu:1"):
        with pytest.raises(EngineError, match="it has cuda, dml"):
            load_engine(str(shared.images), device=missing, **load)


def test_deep_frames_keep_what_a_file_can_hold(shared):
    frame = scene(37, 51).astype(np.uint16) * 257 + np.arange(51, dtype=np.uint16)[:, None]
    images, frames = (
        load_engine(str(path), height=37, width=51, device="cpu", sixteen_bit=True)
        for path in (shared.images, shared.frames)
    )
    gap = np.abs(images(frame) - reference(shared.fast, frame / 257) * 257)
    assert gap.max() <= 16
    narrow = frames(frame)
    assert narrow.dtype == np.uint16
    assert not (narrow % 257).any()
    assert "8 bits" in frames.description


def test_files_that_cannot_paint_give_a_message(shared, tmp_path, capsys):
    style, fixed = make_style(tmp_path / "style", "fast"), tmp_path / "fixed.xml"
    assert run(["export", "--style", str(style), "--size", "48x32", "--precision", "fp16", str(fixed)]) == 0
    for name in ("damaged.onnx", "damaged.xml"):
        (tmp_path / name).write_text("<net")
    cv2.imwrite(str(tmp_path / "in.png"), scene(24, 24))
    cv2.imwrite(str(tmp_path / "tiny.png"), scene(3, 5))
    cases = [
        ("in.png", fixed, ["48x32", "24x24", "--size"]),
        ("tiny.png", shared.images, ["16"]),
        ("in.png", tmp_path / "damaged.onnx", ["damaged.onnx"]),
        ("in.png", tmp_path / "damaged.xml", ["damaged.xml"]),
    ]
    for source, file, words in cases:
        assert run(["stylize", str(tmp_path / source), str(tmp_path / "out.png"), "--style", str(file)]) == 1
        said = capsys.readouterr().err
        assert all(word in said for word in words), said
    command = [
        "stylize",
        str(tmp_path / "in.png"),
        str(tmp_path / "out.png"),
        "--style",
        str(tmp_path / "damaged.onnx"),
    ]
    assert run([*command, "--engine", "onnxruntime"]) == 1
    assert "damaged.onnx on 24x24" in capsys.readouterr().err
    for options, word in ((["--engine", "torch"], "exported"), (["--precision", "int8"], "export it")):
        command = ["stylize", str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--style", str(shared.images)]
        assert run([*command, *options]) == 1
        assert word in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_the_example_paints_the_same_picture(shared, tmp_path):
    pytest.importorskip("onnxruntime")
    frame = scene(45, 67)
    (tmp_path / "in.ppm").write_bytes(b"P6\n67 45\n255\n" + frame.tobytes())
    for file in (shared.images, shared.frames):
        command = [sys.executable, str(EXAMPLE), str(file), str(tmp_path / "in.ppm"), str(tmp_path / "out.ppm")]
        subprocess.run(command, check=True, timeout=60)
        painted = cv2.cvtColor(cv2.imread(str(tmp_path / "out.ppm")), cv2.COLOR_BGR2RGB)
        engine = load_engine(str(file), height=45, width=67, backend="onnxruntime", device="cpu")
        assert np.abs(painted.astype(int) - engine(frame)).max() <= (1 if file == shared.images else 0)
