"""No output replaces an input of the same command, by whatever name; nor what appears while it works."""

import hashlib
import os
import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import IDENTITY

from reconet_cli import cli
from reconet_cli.errors import MediaError
from reconet_cli.system.files import keep_apart
from reconet_cli.video.writing.target import Target

EVALUATE = ["evaluate", "clip.mp4", "painted.mp4", "--loss-network", "none"]


def digests() -> dict[str, str]:
    files = (path for path in Path().rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def place(clip, tmp_path, monkeypatch):
    """A folder with a clip, a second one, links, pictures and a mask."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "clip.mp4")
    shutil.copy(clip, "painted.mp4")
    os.link("clip.mp4", "hard.mp4")
    Path("soft.mp4").symlink_to("clip.mp4")
    Path("pictures").mkdir()
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 255, (64, 96, 3), np.uint8)
        cv2.imwrite(f"pictures/{number:06d}.png", picture)
    shutil.copy("pictures/000000.png", "mask.png")
    Path("again").symlink_to("pictures")


@pytest.mark.parametrize(
    "arguments",
    [
        ["stylize", "clip.mp4", "hard.mp4", "--style", "mosaic"],
        ["stylize", "clip.mp4", "soft.mp4", "--style", "mosaic"],
        ["stylize", "pictures/000001.png", "mask.png", "--style", "mosaic", "--mask", "mask.png"],
        ["stylize", "pictures", "again/", "--style", "mosaic"],
        ["stylize", "pictures/%06d.png", "pictures/%06d.png", "--style", "mosaic"],
        ["deflicker", "clip.mp4", "painted.mp4", "clip.mp4"],
        ["deflicker", "clip.mp4", "painted.mp4", "painted.mp4"],
        [*EVALUATE, "--json", "hard.mp4"],
        [*EVALUATE, "--html", "painted.mp4"],
        ["evaluate", "pictures", "again", "--loss-network", "none", "--csv", "pictures/000001.png"],
        ["flow", "clip.mp4", "soft.mp4"],
        ["flow", "pictures/000000.png", "pictures/000001.png", "again/000001.png"],
        ["train", "--style", "style/preview.jpg", "-o", "style"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_inputs_stay(capfd, place, arguments):
    Path("style").mkdir()
    shutil.copy("mask.png", "style/preview.jpg")
    before = digests()
    assert cli.run([*arguments, "-y"]) == 1
    assert "is an input of this command" in capfd.readouterr().err
    assert digests() == before


def test_a_batch_keeps_all_its_inputs(capfd, place, identity):
    before = digests()
    shutil.copy("clip.mp4", "clip-identity.mp4")
    status = cli.run(["stylize", "clip.mp4", "clip-identity.mp4", "--style", IDENTITY, "--output-dir", ".", "-y"])
    assert status == 1
    assert "clip-identity.mp4 is an input of this command" in capfd.readouterr().err
    assert digests().items() >= before.items()
    assert digests()["clip-identity.mp4"] == before["clip.mp4"]


def test_reports_beside_data_may_be_written_again(tmp_path):
    (tmp_path / "frames").mkdir()
    for name in ("1.png", "found.json"):
        (tmp_path / "frames" / name).touch()
    keep_apart([tmp_path / "frames/found.json", tmp_path / "frames/new.png"], [tmp_path / "frames"], MediaError)
    with pytest.raises(MediaError):
        keep_apart([tmp_path / "frames/1.png"], [tmp_path / "frames"], MediaError)


def test_what_appears_meanwhile_is_not_replaced(tmp_path):
    place = tmp_path / "out.mp4"
    with Target(place, overwrite=False) as target:
        target.part.write_text("painted")
        place.write_text("somebody's")
        with pytest.raises(MediaError, match=r"out\.1\.mp4"):
            target.commit()
    assert place.read_text() == "somebody's"
    assert (tmp_path / "out.1.mp4").read_text() == "painted"
    assert sorted(os.listdir(tmp_path)) == ["home", "out.1.mp4", "out.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
def test_rights_stay_those_of_the_file_that_is_replaced(tmp_path):
    new, old = tmp_path / "new.mp4", tmp_path / "old.mp4"
    old.touch()
    old.chmod(0o640)
    before = os.umask(0o022)
    try:
        for place in (new, old):
            with Target(place, overwrite=True) as target:
                target.commit()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(place.stat().st_mode) for place in (new, old)] == [0o644, 0o640]


@pytest.mark.parametrize("name", ["\U0001f3a8" * 62 + ".mp4", "x" * 251 + ".mp4"], ids=["characters", "bytes"])
def test_names_as_long_as_they_may_be(tmp_path, name):
    with Target(tmp_path / name, overwrite=False) as target:
        target.part.write_text("painted")
        target.commit()
    assert (tmp_path / name).read_text() == "painted"
