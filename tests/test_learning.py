"""Any picture is a style: learned once, known by its contents, kept; refused where nothing can be learned from it."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from reconet_cli.cli import run
from reconet_cli.errors import ReconetError, StyleError
from reconet_cli.styles.finding import find_style
from reconet_cli.styles.pictures import style_picture
from reconet_cli.system.folders import packaged_folder
from reconet_cli.training import learning, quick
from reconet_cli.training.data import sources
from reconet_cli.training.learning import load_style, load_styles
from reconet_cli.training.lesson import SETTINGS
from reconet_cli.video.reading.glimpses import glimpses
from tests.conftest import FFMPEG


def colors(seed: int, height: int = 64, width: int = 96) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """The user's styles, beside two pictures."""
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("sun.png", "sea.png")):
        Image.fromarray(colors(seed)).save(tmp_path / name)
    return tmp_path / "own"


@pytest.fixture
def lessons(monkeypatch) -> list[quick.Lesson]:
    """What was to be learned; learning itself gives the weights that it begins with, at once."""
    given = []

    def learn(lesson, device, folder, on_progress):
        given.append(lesson)
        shutil.copy(lesson.start, folder / "fast.safetensors")
        shutil.copy(lesson.picture.path, folder / lesson.picture.name)
        entry = {"picture": lesson.picture.name, "picture_digest": lesson.picture.digest, "settings": SETTINGS}
        (folder / "card.json").write_text(json.dumps({"variants": {"fast": entry}}))
        return True

    monkeypatch.setattr(quick, "learn", learn)
    return given


def entry(style: Path) -> dict:
    return json.loads((style / "card.json").read_text())["variants"]["fast"]


def test_learned_interrupted_gone_on_with_and_made_better(own, clip, monkeypatch, capfd):
    monkeypatch.setattr(learning, "usual_seconds", lambda device: 600.0)
    monkeypatch.setattr(learning, "_LEAST_SECONDS", 0.1)
    monkeypatch.setattr(quick, "_SIZE", 64)
    monkeypatch.setattr(sources, "STYLE_SIDE", 96)

    def interrupt(done, left):
        assert 0 <= left <= 600
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_style("sun.png", clip=clip, progress=interrupt)
    first = entry(own / "sun")
    assert first["steps"] == 1
    assert 0 < first["unfinished"] < 600
    assert {file.name for file in (own / "sun").iterdir()} == {
        "card.json",
        "fast.safetensors",
        "preview.jpg",
        "sun.png",
    }
    (own / "sun/card.json").write_text(json.dumps({"variants": {"fast": first | {"unfinished": 1.0}}}))
    painted = ["stylize", str(clip), "out.mp4", "--style", "sun.png", "--duration", "0.04", "--engine", "torch"]
    assert run(painted) == 0
    second = entry(own / "sun")
    assert second["steps"] > 1
    assert "unfinished" not in second
    assert second["begun_with"] == "base"
    assert "kept as the style 'sun'" in capfd.readouterr().err
    (own / "sun/notes.txt").write_text("mine")
    monkeypatch.setattr(quick, "write_learned", functools.partial(shown, quick.write_learned))
    assert run([*painted, "-y", "--learn", "1"]) == 0
    third = entry(own / "sun")
    assert third["steps"] > second["steps"]
    assert third["seconds"] > second["seconds"]
    assert (own / "sun/notes.txt").exists(), "what else is in the folder stays"
    assert run(["styles", "export", "sun", "sun.zip", "--with-picture"]) == 0
    assert "sun/sun.png" in zipfile.ZipFile("sun.zip").namelist()
    assert run(["styles", "show", "sun"]) == 0
    assert "from base" in capfd.readouterr().out


def shown(write, trainer, lesson, files):
    assert lesson.goes_on
    write(trainer, lesson, files)


def test_known_by_its_contents(own, lessons, capfd):
    assert load_style("sun.png").path == own / "sun/fast.safetensors"
    shutil.copy("sun.png", "copy.png")
    assert load_style("copy.png").name == "sun"
    assert len(lessons) == 1
    assert find_style("copy.png") == own / "sun/fast.safetensors", "all commands know it"
    assert run(["styles", "rename", "sun", "dawn"]) == 0
    assert load_style("copy.png").name == "dawn"
    assert len(lessons) == 1
    card = {"variants": {"fast": entry(own / "dawn") | {"unfinished": 1e12}}}
    (own / "dawn/card.json").write_text(json.dumps(card))
    load_style("copy.png")
    assert lessons.pop().seconds < 45, "a card may come from anywhere"
    load_style("dawn", learn=300)
    assert lessons[1].goes_on
    assert lessons[1].seconds == 300
    with pytest.raises(StyleError, match=r"sea.png is no style yet \(`reconet stylize INPUT OUTPUT --style sea.png`"):
        find_style("sea.png")


def test_names_that_are_taken(own, lessons, caplog):
    caplog.set_level("INFO", "reconet")
    for taken in ("mosaic.png", "base.png", "preview.jpg"):
        shutil.copy("sun.png", taken)
    shutil.copy("sea.png", "mosaic.jpg")
    assert load_style("mosaic.png").name == "mosaic-2"
    assert "'mosaic-2', for 'mosaic' is another style" in caplog.text
    assert load_style("mosaic.jpg").name == "mosaic-3"
    shutil.rmtree(own)
    assert load_style("base.png").name == "picture"
    shutil.rmtree(own)
    assert {file.name for file in load_style("preview.jpg").path.parent.iterdir()} == {
        "card.json", "fast.safetensors", "picture-preview.jpg"
    }  # fmt: skip


def test_where_nothing_can_be_kept_painting_goes_on(own, lessons, clip, capfd):
    own.write_text("in the way")
    assert run(["stylize", str(clip), "out.mp4", "--style", "sun.png", "--duration", "0.04", "--engine", "torch"]) == 0
    assert "the style is not kept: cannot change" in capfd.readouterr().err
    assert Path("out.mp4").exists()


def test_two_pictures_blend(own, lessons, clip):
    shutil.copy("sun.png", "copy.png")
    loaded = load_styles(["sun.png", "mosaic", "sea.png", "copy.png"])
    assert [style.name for style in loaded] == ["sun", "mosaic", "sea", "sun"]
    assert len(lessons) == 2
    blend = ["--style", "sun.png", "--style", "sea.png", "--mix", ".5", "--duration", "0.04", "--engine", "torch"]
    assert run(["stylize", str(clip), "out.mp4", *blend]) == 0
    assert len(lessons) == 2


def test_a_picture_on_the_web(own, lessons, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        assert load_style(f"{address}/sun.png?token=1").name == "sun"
        assert lessons[0].picture.address == f"{address}/sun.png"
        assert load_style("sun.png").name == "sun"
        with pytest.raises(StyleError, match="404"):
            load_style(f"{address}/none.png")
        server.shutdown()
    assert len(lessons) == 1


def test_what_is_wrong_shows_before_anything_is_learned(own, lessons, clip, capfd):
    Path("there.mp4").write_text("mine")
    wrong = {
        ("none.mp4", "out.mp4"): "none.mp4: No such file",
        (str(clip), "there.mp4"): "is there already",
        (str(clip), "nowhere/out.mp4"): "its folder is not there",
        (str(clip), "out.mp4", "--mask", "none.png"): "none.png",
        (str(clip), "out.mp4", "--style", "mosiac", "--mix", ".5"): "no style 'mosiac'",
        (str(clip), "out.mp4", "--style", "none.jpg", "--mix", ".5"): "cannot read none.jpg",
        (str(clip), "out.mp4", "--variant", "paper"): "only the fast network",
    }
    for arguments, said in wrong.items():
        assert run(["stylize", *arguments, "--style", "sun.png"]) == 1
        assert said in capfd.readouterr().err
    assert not lessons
    assert not own.exists()
    with pytest.raises(StyleError, match="without a picture"):
        load_style("mosaic", learn=5)


def saved(name: str, mode: str, **options: object) -> None:
    Image.fromarray(colors(0)).convert(mode).save(name, **options)


def test_pictures_of_every_kind(own):
    usual = colors(0)
    saved("inks.jpg", "CMYK", quality=95)
    saved("first.gif", "RGB", save_all=True, append_images=[Image.fromarray(colors(1))])
    cv2.imwrite("deep.png", usual[..., ::-1].astype(np.uint16) * 257)
    turned = Image.fromarray(np.rot90(usual))
    exif = turned.getexif()
    exif[0x112] = 6
    turned.save("turned.jpg", exif=exif, quality=95)
    for name in ("inks.jpg", "first.gif", "deep.png", "turned.jpg"):
        with style_picture(name) as picture:
            assert np.abs(picture.pixels.astype(int) - usual).mean() < 12, name
    see_through = Image.fromarray(usual).convert("RGBA")
    see_through.putalpha(Image.fromarray(np.tile(np.uint8([0, 255]).repeat(48), (64, 1))))
    see_through.save("glass.png")
    with style_picture("glass.png") as picture:
        assert (picture.pixels[:, :48] == 255).all()
        assert np.array_equal(picture.pixels[:, 48:], usual[:, 48:])
    assert sources.style_tensor(colors(0, 200, 2000)).shape[2:] == (256, 2560), "long ones are made smaller"


@pytest.mark.parametrize(
    ("name", "pixels", "said"),
    [
        ("plain.png", np.full((64, 64, 3), 90, np.uint8), "one color only"),
        ("low.png", colors(0, 4, 300), "300x4"),
        ("strip.png", colors(0, 40, 1000), "a strip"),
        ("words.jpg", b"words", "no picture"),
        ("empty.png", b"", "no picture"),
        ("clip.jpg", None, "is a video"),
        ("none.jpg", ..., "cannot read"),
    ],
)
def test_pictures_that_nothing_can_be_learned_from(own, lessons, clip, name, pixels, said):
    if isinstance(pixels, np.ndarray):
        Image.fromarray(pixels).save(name)
    elif pixels is not ...:
        Path(name).write_bytes(clip.read_bytes() if pixels is None else pixels)
    with pytest.raises(ReconetError, match=said):
        load_style(name)
    assert not lessons


def test_glimpses_of_inputs(clip, tmp_path):
    frames = glimpses(FFMPEG, str(clip), 4, 32, patience=60)
    assert [frame.shape for frame in frames] == [(32, 48, 3)] * 4
    assert not np.array_equal(frames[0], frames[3])
    picture = packaged_folder() / "frames/chelsea.jpg"
    assert [frame.shape[0] for frame in glimpses(FFMPEG, str(picture), 4, 90, patience=60)] == [90]
    for nothing in ("-", str(tmp_path / "none.mp4"), "rtsp://127.0.0.1/x", __file__):
        assert glimpses(FFMPEG, nothing, 4, 32) == []


def test_a_batch_learns_once_from_all_its_inputs(own, lessons, clip, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy("sea.png", tmp_path / "in" / name)
    assert run(["stylize", "in", "--output-dir", "out", "--style", "sun.png", "--engine", "torch"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a-sun.png", "b-sun.png"}
    (lesson,) = lessons
    assert len(lesson.frames) == 2
