"""What is kept to be computed only once: its limits, and `reconet cache`."""

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconet_cli.cli import cli
from reconet_cli.system import caches
from reconet_cli.system.caches import Cache
from reconet_cli.system.folders import cache_folder

DAY = 86400


def keep(letter: str, *, size: int = 1000, days: float = 0.0) -> Path:
    """Keep something of a size that was last used so many days ago."""
    cache = Cache("flow", ".bin")
    cache.make_room()
    cache.write(letter * 32, lambda path: path.write_bytes(bytes(size)))
    path = cache.folder / f"{letter * 32}.bin"
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def test_the_least_recently_used_goes_first_and_what_is_at_work_stays(monkeypatch):
    monkeypatch.setattr(caches, "MOST_BYTES", 3500)
    old, older, new = keep("a", days=20), keep("b", days=30), keep("c")
    Cache("models").make_room(1000)
    assert [path.exists() for path in (old, older, new)] == [True, False, True]
    Cache("flow", ".bin").use("a" * 32)
    Cache("flow").make_room(3000)
    assert old.exists()
    assert new.exists()


def test_what_was_not_used_for_long_goes():
    forgotten, recent = keep("a", days=caches.MOST_DAYS + 1), keep("b", days=caches.MOST_DAYS - 1)
    Cache("models").make_room()
    assert not forgotten.exists()
    assert recent.exists()


def test_a_failing_write_is_told_once_and_leaves_nothing():
    notes = []
    cache = Cache("models", note=notes.append)
    cache.make_room()

    def fail(_: Path) -> None:
        raise RuntimeError("no more room")

    for key in ("a" * 32, "b" * 32):
        cache.write(key, fail, folder=True)
    assert len(notes) == 1
    assert "no more room" in notes[0]
    assert list(cache.folder.iterdir()) == []


@pytest.mark.parametrize("answer", ["n", "y", None])
def test_the_command_shows_and_clears(answer):
    kept = keep("a", size=2_500_000)
    foreign = cache_folder("models") / "mine.onnx"  # the folder may be one that holds other things
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"a")
    shown = CliRunner().invoke(cli, ["cache"]).stdout
    models, flow, where = shown.splitlines()
    assert models.split() == ["converted", "networks", "0", "0.0", "MB"]
    assert flow.split()[4:7] == ["1", "2.5", "MB"]
    assert str(cache_folder()) in where
    CliRunner().invoke(cli, ["cache", "--clear", *([] if answer else ["-y"])], input=answer)
    assert kept.exists() == (answer == "n")
    assert foreign.exists()
