"""Masks of people: where they are found in shipped frames, and who is painted with which style."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import Engine

from reconet_cli import cli
from reconet_cli.engines import people, register_engine, unregister_engine
from reconet_cli.errors import MediaError
from reconet_cli.stylizing.effects.masks import open_mask
from reconet_cli.stylizing.effects.people import along_edges
from reconet_cli.stylizing.network import InParts
from reconet_cli.stylizing.stage import through
from reconet_cli.system.folders import packaged_folder
from reconet_cli.system.pictures import read_rgb
from reconet_cli.video.reading.reader import Frame

ASTRONAUT = packaged_folder() / "frames" / "astronaut.jpg"
FACE = np.s_[130:195, 250:305]
SKY = np.s_[:80, 400:460]
FLAG = np.s_[:120, :60]


@pytest.fixture(autouse=True)
def quick_start(shared_cache, monkeypatch):
    """The network is converted once."""
    monkeypatch.setenv("RECONET_CACHE", str(shared_cache))


def frame_of(name: str) -> Frame:
    return Frame(read_rgb(packaged_folder() / "frames" / f"{name}.jpg", MediaError), Fraction(0), Fraction(1))


def found(frame: Frame, what: str = "person") -> np.ndarray:
    with open_mask(what, frame.pixels.shape[1::-1], None, None) as mask:
        return mask.share(frame, mask.fetch(frame))


def test_a_portrait_is_found_and_what_is_around_it_is_not():
    frame = frame_of("astronaut")
    share = found(frame)
    assert share.dtype == np.float32
    assert share.shape == frame.pixels.shape[:2]
    assert share[FACE].min() > 0.95
    assert max(share[SKY].max(), share[FLAG].max()) < 0.05
    assert np.allclose(found(frame, "background"), 1 - share)
    deep = Frame(frame.pixels.astype(np.uint16) * 257, frame.time, frame.duration)
    assert np.abs(found(deep) - share).max() < 0.1


@pytest.mark.parametrize("name", ["coast-1", "coast-2", "chelsea"])
def test_nobody_is_found_where_nobody_is(name):
    assert found(frame_of(name)).mean() < 0.01


@pytest.mark.parametrize("size", [(16, 16), (64, 36), (36, 64), (401, 33)])
def test_frames_of_any_size(size):
    frame = Frame(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8), Fraction(0), Fraction(1))
    assert found(frame).shape == size


def test_edges_follow_the_picture():
    frame = np.full((160, 320, 3), 40, np.uint8)
    frame[:, 163:] = 200
    small = np.ascontiguousarray(frame[::2, ::2])
    guess = np.zeros((80, 160), np.float32)
    guess[:, 80:] = 1  # three pixels off in the full frame
    edge = along_edges(guess, small, frame)[80]
    assert np.diff(edge).argmax() == 162
    assert edge[140] < 0.05
    assert edge[180] > 0.95


def test_pytorch_finds_the_same(monkeypatch):
    frame = frame_of("astronaut")
    share = found(frame)
    monkeypatch.setattr(people, "find_spec", lambda name: None)
    assert np.abs(found(frame) - share).mean() < 0.02


def test_each_style_paints_its_part_and_runs_only_where_it_is_seen():
    calls = []
    paints = {name: lambda pixels, name=name: calls.append(name) or np.full_like(pixels, 255 * (name == "first"))
              for name in ("first", "second")}  # fmt: skip
    frame = frame_of("astronaut")
    with open_mask("person", (640, 360), None, None) as mask:
        stage = InParts([Engine(paint) for paint in paints.values()], mask)
        painted = through([stage], frame, frame).pixels
        assert painted[FACE].min() > 240
        assert painted[SKY].max() < 15
        calls.clear()
        empty = Frame(np.zeros_like(frame.pixels), frame.time, frame.duration)
        assert through([stage], empty, empty).pixels.max() == 0
    assert calls == ["second"]


@pytest.fixture
def styles(tmp_path, monkeypatch):
    """`black.paint` and `white.paint` in place of networks, in the current folder."""
    register_engine(".paint", lambda path, *_: Engine(lambda x: np.full_like(x, 255 * (path.stem == "white"))))
    for name in ("black", "white"):
        (tmp_path / f"{name}.paint").touch()
    monkeypatch.chdir(tmp_path)
    yield
    unregister_engine(".paint")


def stylize(source: Path, *options: str) -> int:
    return cli.run(["stylize", str(source), "out.mkv", "-y", "--codec", "ffv1", *options])


def test_people_through_the_command_line(capfd, tools, styles, tmp_path):
    clip = tmp_path / "clip.mkv"
    tools.run("-loop", "1", "-i", ASTRONAUT, "-frames:v", "3", "-vf", "format=gbrp", "-c:v", "ffv1", clip)
    source = tools.pixels(clip)[0].astype(int)
    black, both = ["--style", "black.paint"], ["--style", "black.paint", "--style", "white.paint"]
    for options, face, sky in (
        ([*black, "--mask", "person"], 0, source[SKY]),
        ([*black, "--mask", "background"], source[FACE], 0),
        ([*both, "--mask", "person"], 0, 255),
        ([*both, "--mask", "background", "--resumable"], 255, 0),
        ([*both, "--mask", "person", "--mix", "1"], 255, source[SKY]),
    ):
        assert stylize(clip, *options) == 0
        painted = tools.pixels(tmp_path / "out.mkv")
        assert len(painted) == 3
        assert np.abs(painted[2][FACE] - face).max() <= 12, options
        assert np.abs(painted[2][SKY] - sky).max() <= 12, options
    assert stylize(clip, *black, "--mask", "./person") == 1
    assert "person: No such file" in capfd.readouterr().err
    assert stylize(clip, *both, "--style", "white.paint", "--mask", "person") == 2
    assert stylize(clip, *both, "--mask", str(ASTRONAUT)) == 2
    assert "--mask person" in capfd.readouterr().err
