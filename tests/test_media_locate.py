"""Finding ffmpeg: the order, and what is refused."""

from pathlib import Path

import pytest

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import locate


def fake_ffmpeg(folder: Path, version: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\necho ffmpeg version {version} Copyright\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A usable ffmpeg in each of the four places."""
    found = {name: fake_ffmpeg(tmp_path / name, "7.1") for name in ("option", "variable", "path", "wheel")}
    monkeypatch.setenv("RECONET_FFMPEG", found["variable"])
    monkeypatch.setenv("PATH", str(tmp_path / "path"), prepend=":")
    monkeypatch.setattr(locate, "bundled_ffmpeg", lambda: found["wheel"])
    return found


def test_order(places, monkeypatch, tmp_path):
    assert locate.find_ffmpeg(places["option"]) == places["option"]
    assert locate.find_ffmpeg() == places["variable"]
    monkeypatch.delenv("RECONET_FFMPEG")
    assert locate.find_ffmpeg() == places["path"]
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert locate.find_ffmpeg() == places["wheel"]


@pytest.mark.parametrize(
    ("version", "usable"),
    [("4.4.2-0ubuntu0.22.04.1", False), ("5.0.1", False), ("5.1.6-0+deb12u1", True), ("n9.0.2", True),
     ("N-109542-g2a571b", True), ("2023-01-01-git", True)],
)  # fmt: skip
def test_old_one_on_path_is_passed_over(places, monkeypatch, tmp_path, version, usable):
    monkeypatch.delenv("RECONET_FFMPEG")
    fake_ffmpeg(tmp_path / "path", version)
    assert locate.find_ffmpeg() == (places["path"] if usable else places["wheel"])


def test_none_at_all(places, monkeypatch, tmp_path):
    monkeypatch.delenv("RECONET_FFMPEG")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(locate, "bundled_ffmpeg", lambda: None)
    with pytest.raises(MediaError, match="no ffmpeg found") as caught:
        locate.find_ffmpeg()
    assert "imageio-ffmpeg" in caught.value.hint


def test_one_asked_for_by_name_has_to_work(tmp_path, monkeypatch):
    with pytest.raises(MediaError, match=r"--ffmpeg: .*nowhere is not an executable"):
        locate.find_ffmpeg(str(tmp_path / "nowhere"))
    with pytest.raises(MediaError, match="is a folder"):
        locate.find_ffmpeg(str(tmp_path))
    monkeypatch.setenv("RECONET_FFMPEG", fake_ffmpeg(tmp_path / "old", "4.2"))
    with pytest.raises(MediaError, match=r"RECONET_FFMPEG: .*no ffmpeg of version 5.1"):
        locate.find_ffmpeg()
