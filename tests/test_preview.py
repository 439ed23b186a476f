"""`reconet preview`: moments of real clips in several styles, as one picture."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import reconet_cli as reconet
from reconet_cli.cli import cli


@pytest.fixture(autouse=True)
def cache(shared_cache, monkeypatch):
    monkeypatch.setenv("RECONET_CACHE", str(shared_cache))


def test_a_sheet_of_two_styles(clip, tmp_path):
    seen = []
    rows = reconet.preview(
        clip, tmp_path / "sheet.jpg", styles=["mosaic", "wave"], moments=3, progress=lambda *at: seen.append(at)
    )
    assert [row.label for row in rows] == ["mosaic", "wave"]
    assert all(row.seconds > 0 for row in rows)
    assert seen[-1] == (6, 6)
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        pixels = np.asarray(sheet)
    # Three rows of three frames, each 96x64, below their labels.
    assert pixels.shape[0] > 3 * 64
    assert pixels.shape[1] > 3 * 96


def test_strength_0_shows_the_clip_and_1_the_painting(clip, tmp_path):
    def rows(strengths):
        target = tmp_path / f"{len(strengths)}.png"
        reconet.preview(clip, target, styles=["mosaic"], vary=("strength", strengths), moments=1)
        with Image.open(target) as sheet:
            pixels = np.asarray(sheet.convert("RGB")).astype(int)
        # Where frames stand, whatever their labels say: 64 lines that end with their block.
        height = (pixels.shape[0] - 8) // (len(strengths) + 1)
        return [
            pixels[8 + n * height : 8 + (n + 1) * height][34 : 34 + 64, 8 : 8 + 96] for n in range(len(strengths) + 1)
        ]

    original, none, full = rows([0, 1])
    assert np.array_equal(original, none)
    assert np.abs(full - original).mean() > 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clip.mp4", "sheet.mp4"], "endings"),
        (["-", "sheet.jpg"], "save it first"),
        (["nothing.mp4", "sheet.jpg"], "nothing.mp4"),
        (["text.mp4", "sheet.jpg"], "text.mp4"),
        (["clip.mp4", "there.jpg"], "-y"),
        (["clip.mp4", "sheet.jpg", "--style", "mosaic", "--vary", "sound=1"], "vary strength or mix"),
        (["clip.mp4", "sheet.jpg", "--style", "mosaic", "--vary", "strength=2"], "from 0 to 1"),
        (["clip.mp4", "sheet.jpg", "--vary", "strength=loud"], "is not like"),
        (["clip.mp4", "sheet.jpg", "--vary", "strength=1"], "one style"),
        (["clip.mp4", "sheet.jpg", "--style", "mosaic", "--start", "100"], "--start"),
        (["clip.mp4", "sheet.jpg", "--style", "mosaic", "--mask", "mask.mp4"], "a picture or a color key"),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments, words, clip, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "there.jpg").write_text("mine")
    result = CliRunner().invoke(cli, ["preview", *arguments])
    said = result.output + str(result.exception or "") + getattr(result.exception, "hint", "")
    assert result.exit_code
    assert words in said
    assert not (tmp_path / "sheet.jpg").exists()
    assert (tmp_path / "there.jpg").read_text() == "mine"


def test_a_picture_has_one_moment(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(tmp_path / "in.png")
    (row,) = reconet.preview(tmp_path / "in.png", tmp_path / "sheet.png", styles=["wave"])
    assert row.label == "wave"
