"""Styles that people keep: what comes in is whole or is refused, and nothing is lost on the way."""

from __future__ import annotations

import functools
import http.server
import io
import json
import os
import shutil
import stat
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from reconet_cli.cli import cli, run
from reconet_cli.errors import StyleError
from reconet_cli.model.network import NetworkConfig, ReCoNet, build_network
from reconet_cli.model.weights import save_weights
from reconet_cli.styles import archives, arriving
from reconet_cli.styles.finding import list_styles
from reconet_cli.system.files import locked
from reconet_cli.system.folders import packaged_folder

SMALL = NetworkConfig("fast", (4, 4, 4), 1)


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """The user's styles."""
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture
def weights(tmp_path) -> Path:
    """A weights file with a name of its own."""
    path = tmp_path / "sunny.safetensors"
    save_weights(path, ReCoNet(SMALL), {"picture": "sun.png"})
    return path


@pytest.fixture
def folder(tmp_path, weights) -> Path:
    """A complete style, with its picture and files that are none of a style's."""
    folder = tmp_path / "sunny"
    folder.mkdir()
    shutil.copy(weights, folder / "fast.safetensors")
    card = {"name": "sunny", "looks": "warm\x1b[31m", "variants": {"fast": {"picture": "sun.png", "steps": 7}}}
    (folder / "card.json").write_text(json.dumps(card))
    Image.new("RGB", (48, 32), (200, 90, 30)).save(folder / "preview.jpg")
    Image.new("RGB", (20, 30), (240, 200, 30)).save(folder / "sun.png")
    (folder / "notes.txt").write_text("mine")
    (folder / "run/fast").mkdir(parents=True)
    (folder / "run/fast/checkpoint.pt").write_bytes(b"state")
    return folder


def names() -> set[str]:
    return {style.name for style in list_styles() if not style.shipped}


def card_of(folder: Path) -> dict:
    return json.loads((folder / "card.json").read_text())


def zipped(path: Path, files: dict[str, bytes | Path]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content.read_bytes() if isinstance(content, Path) else content)
    return path


def refused(what: object, capfd, own: Path) -> str:
    """The one line that says why something is not added, with a hint; nothing is left of it."""
    assert run(["styles", "add", str(what)]) == 1
    said = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("fetching ")]
    assert len(said) == 2, said
    assert said[0].startswith("error: ")
    assert said[1].startswith("  hint: ")
    assert "reconet-" not in said[0], "a temporary file's name means nothing"
    assert not own.exists() or not list(own.iterdir())
    return said[0]


def test_a_style_goes_round(own, folder, tmp_path, capfd):
    """Added as a folder, exported, removed and added as a zip, it is the same."""
    assert run(["styles", "add", str(folder)]) == 0
    added = own / "sunny"
    assert {path.name for path in added.iterdir()} == {"fast.safetensors", "card.json", "preview.jpg", "sun.png"}
    out = tmp_path / "out.zip"
    assert run(["styles", "export", "sunny", str(out), "--with-picture"]) == 0
    assert run(["styles", "remove", "sunny", "-y"]) == 0
    assert names() == set()
    assert run(["styles", "add", str(out)]) == 0
    for name in ("fast.safetensors", "preview.jpg", "sun.png"):
        assert (added / name).read_bytes() == (folder / name).read_bytes()
    assert card_of(added)["source"] == "out.zip, before that sunny"
    capfd.readouterr()
    assert run(["styles", "show", "sunny"]) == 0
    shown = capfd.readouterr().out
    assert "\x1b" not in shown
    for words in ("warm", "out.zip", "sun.png (here)", "7 steps", "preview.jpg", "MB"):
        assert words in shown


def test_export_takes_no_more_than_is_asked_for(own, folder, tmp_path, capfd):
    run(["styles", "add", str(folder)])
    out = tmp_path / "out.zip"
    assert run(["styles", "export", "sunny", str(out)]) == 0
    assert sorted(zipfile.ZipFile(out).namelist()) == [
        f"sunny/{name}" for name in ("card.json", "fast.safetensors", "preview.jpg")
    ]
    assert run(["styles", "export", "sunny", str(out)]) == 1, "an existing file stays"
    assert run(["styles", "export", "sunny", str(out), "-y"]) == 0
    assert run(["styles", "export", "mosaic", str(tmp_path / "other.zip"), "--with-picture"]) == 1
    assert "mosaic.jpg" in capfd.readouterr().err
    assert not (tmp_path / "other.zip").exists()


def test_weights_alone_are_a_style_of_their_shape(own, weights, tmp_path):
    assert run(["styles", "add", str(weights)]) == 0
    assert (own / "sunny/fast.safetensors").read_bytes() == weights.read_bytes()
    save_weights(tmp_path / "large.safetensors", build_network("paper-small"), {})
    assert run(["styles", "add", str(tmp_path / "large.safetensors"), "--name", "Großes Bild"]) == 0
    assert (own / "Großes Bild/paper-small.safetensors").is_file()
    assert card_of(own / "sunny")["source"] == "sunny.safetensors"


class Server(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; /to/… leads to …, and /short is a file that ends too early."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"PK\x03\x04")
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path, monkeypatch):
    """The address of a server of `tmp_path`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses(own, folder, weights, tmp_path, web):
    zipped(tmp_path / "some.zip", {"sunny/fast.safetensors": weights})
    assert run(["styles", "add", f"http://{web}/some.zip?token=1"]) == 0
    assert card_of(own / "sunny")["source"] == f"http://{web}/some.zip"
    assert run(["styles", "add", f"http://{web}/sunny/fast.safetensors", "-y"]) == 0, "named by its folder"
    assert card_of(own / "sunny")["source"].endswith("/sunny/fast.safetensors")
    assert run(["styles", "add", f"http://{web}/to//some.zip", "--name", "led"]) == 0
    assert names() == {"sunny", "led"}


@pytest.mark.parametrize("path", ["none.zip", "short", "to/file:///etc/passwd", "to/ftp://127.0.0.1/x", ""])
def test_addresses_that_lead_nowhere(path, own, web, capfd):
    refused(f"http://{web}/{path}", capfd, own)


def test_what_is_fetched_is_bounded(own, weights, web, capfd, monkeypatch):
    monkeypatch.setattr(arriving, "MOST_FETCHED", 100)
    assert "larger" in refused(f"http://{web}/sunny.safetensors", capfd, own)


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("sunny/card.json")
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../escaped.json", "outside"), ("sunny/../../escaped.json", "outside"), ("/tmp/escaped.json", "outside"),
        ("..\\escaped.json", "outside"), ("C:/escaped.json", "outside"), (link(), "link"),
        ("other/fast.safetensors", "2 styles"), ("sunny/FAST.safetensors", "two files"),
    ],
)  # fmt: skip
def test_zips_that_mean_harm(name, said, own, weights, tmp_path, capfd):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(weights, "sunny/fast.safetensors")
        archive.writestr(name, "/etc/passwd")
    assert said in refused(path, capfd, own)
    assert not list(tmp_path.rglob("escaped*"))


def test_bombs(own, weights, tmp_path, capfd, monkeypatch):
    zipped(tmp_path / "bomb.zip", {"s/fast.safetensors": weights, "s/card.json": b" " * (4 << 20)})
    assert "larger" in refused(tmp_path / "bomb.zip", capfd, own)
    monkeypatch.setattr(archives, "MOST_ENTRIES", 3)
    many = {f"s/{number}": b"" for number in range(4)}
    assert "4 files" in refused(zipped(tmp_path / "many.zip", many), capfd, own)


def test_a_zip_whose_sizes_lie(own, weights, tmp_path, capfd):
    path = zipped(tmp_path / "lie.zip", {"s/fast.safetensors": weights, "s/card.json": b" " * (2 << 20)})
    data = path.read_bytes()
    path.write_bytes(data.replace((2 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little")))
    refused(path, capfd, own)


def test_damaged_and_foreign_files(own, weights, tmp_path, capfd):
    whole = zipped(tmp_path / "z.zip", {"s/fast.safetensors": weights}).read_bytes()
    good = weights.read_bytes()
    foreign = {
        "cut.zip": whole[: len(whole) // 2],
        "flipped.zip": whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
        "cut.safetensors": good[:-10],
        "empty.safetensors": b"",
        "text.safetensors": b"hello",
        "foreign.safetensors": (2).to_bytes(8, "little") + b"{}",
        "nothing.zip": zipped(tmp_path / "n.zip", {"s/readme.txt": b""}).read_bytes(),
        "pickle.zip": zipped(tmp_path / "p.zip", {"s/fast.safetensors": b"cos\nsystem\n(S'true'\ntR."}).read_bytes(),
    }
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, capfd, own)
    for missing in ("no such file", str(tmp_path / "home"), ""):
        refused(missing, capfd, own)


def test_weights_that_are_no_network(own, tmp_path, capfd):
    broken = ReCoNet(SMALL)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    save_weights(tmp_path / "nan.safetensors", broken, {})
    refused(tmp_path / "nan.safetensors", capfd, own)
    other = ReCoNet(SMALL)
    other.config = NetworkConfig("paper", (1024, 1024, 1024), 64)  # which 32 GB would be
    save_weights(tmp_path / "large.safetensors", other, {})
    refused(tmp_path / "large.safetensors", capfd, own)


@pytest.mark.parametrize(
    ("name", "content"),
    [("card.json", b"[1]"), ("card.json", b"["), ("card.json", b"[" * 100_000), ("preview.jpg", b"GIF89a"),
     ("sun.png", b"\x89PNG"), ("paper.safetensors", b"?")],
)  # fmt: skip
def test_one_bad_file_spoils_a_style(name, content, own, folder, capfd):
    (folder / name).write_bytes(content)
    assert name in refused(folder, capfd, own)


def test_a_huge_preview(own, folder, capfd):
    data = io.BytesIO()
    Image.new("L", (60_000, 8)).save(data, "JPEG")
    at = data.getvalue().index(b"\xff\xc0") + 5
    (folder / "preview.jpg").write_bytes(data.getvalue()[:at] + b"\xea\x60\xea\x60" + data.getvalue()[at + 4 :])
    assert "preview.jpg" in refused(folder, capfd, own)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "-y", ".x", "base", "a\nb", "x" * 200, "c:d"])
def test_names_that_styles_cannot_have(name, own, weights, tmp_path):
    assert run(["styles", "add", str(weights), f"--name={name}"]) == 1
    assert not own.exists()
    run(["styles", "add", str(weights)])
    assert run(["styles", "rename", "sunny", "--", name]) == 1
    assert run(["styles", "remove", "-y", "--", name]) == 1
    assert names() == {"sunny"}


def ask(answer: str, *arguments: str):
    return CliRunner().invoke(cli, ["styles", *arguments], input=answer)


def test_replacing_asks_first(own, folder, weights):
    run(["styles", "add", str(folder)])
    before = card_of(own / "sunny")
    ask("n\n", "add", str(weights))
    assert card_of(own / "sunny") == before
    gone = ask("", "add", str(weights))
    assert isinstance(gone.exception, StyleError), "nobody answers"
    assert card_of(own / "sunny") == before
    ask("y\n", "add", str(weights))
    assert card_of(own / "sunny")["source"] == "sunny.safetensors"
    assert not (own / "sunny/preview.jpg").exists(), "replaced as a whole"
    assert [path.name for path in own.iterdir()] == ["sunny"]


def test_hiding_a_shipped_style_asks_first(own, weights):
    ask("n\n", "add", str(weights), "--name", "mosaic")
    assert names() == set()
    ask("y\n", "add", str(weights), "--name", "mosaic")
    assert names() == {"mosaic"}


def test_what_cannot_be_written_changes_nothing(own, folder, weights, monkeypatch, capfd):
    run(["styles", "add", str(folder)])
    before = card_of(own / "sunny")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run(["styles", "add", str(weights), "-y"]) == 1
    assert "No space left" in capfd.readouterr().err
    assert card_of(own / "sunny") == before
    assert [path.name for path in own.iterdir()] == ["sunny"]


def test_rename(own, folder, weights):
    run(["styles", "add", str(folder)])
    run(["styles", "add", str(weights), "--name", "other"])
    assert run(["styles", "rename", "sunny", "other"]) == 1
    assert run(["styles", "rename", "sunny", "mosaic"]) == 1
    assert run(["styles", "rename", "sunny", "bright"]) == 0
    assert names() == {"bright", "other"}
    assert card_of(own / "bright")["name"] == "bright"


def test_remove_asks_first(own, folder, weights):
    run(["styles", "add", str(folder)])
    asked = ask("n\n", "remove", "sunny")
    assert "4 files" in asked.output
    assert names() == {"sunny"}
    ask("y\n", "remove", "sunny")
    assert list(own.iterdir()) == []


def test_a_linked_style_stays_where_it_is(own, folder):
    own.mkdir()
    (own / "linked").symlink_to(folder)
    assert run(["styles", "remove", "linked", "-y"]) == 0
    assert names() == set()
    assert (folder / "run/fast/checkpoint.pt").is_file()


def test_a_style_in_training_is_not_taken_away(own, folder):
    own.mkdir()
    shutil.copytree(folder, own / "sunny")
    with locked(own / "sunny/run/fast", 0):
        assert run(["styles", "remove", "sunny", "-y"]) == 1
        assert run(["styles", "rename", "sunny", "x"]) == 1
    assert names() == {"sunny"}


@pytest.mark.parametrize("words", [["rename", "mosaic", "x"], ["remove", "mosaic", "-y"], ["remove", "base", "-y"]])
def test_shipped_styles_stay(words, own, capfd):
    assert run(["styles", *words]) == 1
    assert (packaged_folder() / words[1] / "fast.safetensors").is_file()


def test_sheet(own, folder, weights, tmp_path):
    run(["styles", "add", str(folder)])
    run(["styles", "add", str(weights), "--name", "ohne Vorschau"])
    sheet = tmp_path / "styles.jpg"
    assert run(["styles", "--sheet", str(sheet)]) == 0
    with Image.open(sheet) as picture:
        assert picture.width > 1500
        colors = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    assert (np.abs(colors - (200, 90, 30)).max(axis=1) < 12).sum() > 50_000, "the preview of one's own style"
    assert run(["styles", "--sheet", str(sheet)]) == 1, "an existing file stays"
    assert run(["styles", "--sheet", str(tmp_path / "styles.txt")]) == 1
    assert run(["styles", "--json", "show", "mosaic"]) == 2
