"""The main job with nothing replaced: real style, real engine, real ffmpeg; once in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.cli import run
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import load_weights, read_metadata, save_weights
from reconet_cli.styles.cards import read_card
from reconet_cli.styles.finding import list_styles
from reconet_cli.system.folders import packaged_folder

SHIPPED = ["composition", "mosaic", "scream", "starry", "udnie", "wave"]


def reconet(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command in a process that has loaded nothing yet."""
    command = [sys.executable, "-m", "reconet_cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    torch.manual_seed(4)
    save_weights(tmp_path / "fast.safetensors", ReCoNet(NetworkConfig("fast", (8, 8, 8), 1)), {})
    return tmp_path / "fast.safetensors"


def painted(style: Path, frame: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        image = torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255
        return load_weights(style)(image)[0].permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_video_is_painted_and_keeps_its_sound(tools, clip, style, tmp_path, engine):
    output = tmp_path / "painted.mp4"
    words = ["stylize", clip, output, "--style", style, "--engine", engine, "--device", "cpu", "--crf", 4]
    if engine == "openvino":
        done = reconet(*words)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
    else:
        assert run(list(map(str, words))) == 0
    before, after = tools.pixels(clip), tools.pixels(output)
    assert after.shape == before.shape
    for index in (0, len(before) // 2, len(before) - 1):
        expected = painted(style, before[index])
        # 4:2:0 chroma softens colors, so pictures are compared in gray.
        gap = np.abs(after[index].mean(-1) - expected.mean(-1)).mean()
        assert gap < 6, f"frame {index} is not the painted frame {index}"
    assert [p[1] for p in tools.packets(output)] == [p[1] for p in tools.packets(clip)]
    assert tools.times(output) == pytest.approx(tools.times(clip), abs=0.001)


def test_picture_is_painted_at_full_quality(style, tmp_path):
    scene = np.random.default_rng(1).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    scene = cv2.resize(scene, (101, 67), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "in.png"), scene[..., ::-1])
    files = [str(tmp_path / name) for name in ("in.png", "out.png")]
    assert run(["stylize", *files, "--style", str(style), "--precision", "fp32"]) == 0
    result = cv2.imread(str(tmp_path / "out.png"))[..., ::-1]
    assert np.abs(result - painted(style, scene)).max() <= 1.0


def test_unknown_style_is_told_with_the_list(clip, tmp_path):
    done = reconet("stylize", clip, tmp_path / "out.mp4", "--style", "nonesuch")
    assert done.returncode == 1
    assert "nonesuch" in done.stderr
    assert "mosaic" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_style_is_complete(name):
    style = {style.name: style for style in list_styles()}[name]
    assert style.folder.parent == packaged_folder()
    card = read_card(style.folder)
    assert card["description"]
    assert set(card["variants"]) == set(style.variants)
    for variant, path in style.variants.items():
        made = card["variants"][variant]
        assert made["settings"] == read_metadata(path)["recipe"]["settings"]
        assert made["held_out_losses"]["style"] > 0
    assert (style.folder / "preview.jpg").stat().st_size > 10_000


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_style_paints_with_color_and_contrast(name):
    """A gray wash or a black frame would fail here."""
    y, x = np.mgrid[0:96, 0:160].astype(np.float32)
    waves = np.stack([np.sin(x / 17 + y / 40), np.cos(y / 13), np.sin((x - y) / 23)], -1)
    image = torch.from_numpy(waves * 0.3 + 0.5).permute(2, 0, 1)[None]
    style = {style.name: style for style in list_styles()}[name]
    for path in style.variants.values():
        with torch.no_grad():
            result = load_weights(path)(image)[0]
        assert result.mean(0).std() > 0.1, "light and dark"
        # Some painters are sparing with color, but none has none.
        assert (result.amax(0) - result.amin(0)).quantile(0.95) > 0.15, "color"


def test_styles_lists_what_is_there():
    done = reconet("styles")
    assert done.returncode == 0
    assert "mosaic" in done.stdout
    entries = json.loads(reconet("styles", "--json").stdout)
    assert {entry["name"] for entry in entries} >= set(SHIPPED)
    assert all(Path(path).exists() for entry in entries for path in entry["variants"].values())
