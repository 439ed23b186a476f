"""A watched folder: each file is painted once, when nobody writes to it any more."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IDENTITY
from processes import PATIENCE, until

from reconet_cli import cli
from reconet_cli.errors import MediaError
from reconet_cli.stylizing.batch.names import Item
from reconet_cli.stylizing.batch.watch import Arrivals, Watch


def test_a_file_is_complete_once_it_has_stayed_as_it_is():
    arrivals = Arrivals(quiet=2)
    looks = [
        (0, {"a": (1, 0)}, {}), (1, {"a": (2, 1)}, {}), (2.5, {"a": (2, 1), "b": (9, 9)}, {}),
        (3, {"a": (2, 1), "b": (9, 9)}, {"a": (2, 1)}), (6, {"a": (2, 1)}, {}),
        (7, {"a": (2, 1), "b": (9, 9)}, {}), (8, {"a": (3, 8), "b": (9, 9)}, {}),
        (10, {"a": (3, 8), "b": (9, 9)}, {"a": (3, 8), "b": (9, 9)}), (20, {"a": (3, 8), "b": (9, 9)}, {}),
    ]  # fmt: skip
    for now, files, complete in looks:
        assert arrivals.complete(files, now) == complete, now
    assert not arrivals.waiting


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def looking(folder: Path, paint) -> tuple[Watch, list[str]]:
    """A watch that takes what it sees the second time, and the errors that it tells of."""
    errors: list[str] = []

    def item_of(source: str) -> Item:
        return Item(source, folder.parent / "out" / f"{Path(source).stem}.png")

    watch = Watch([folder], item_of, paint, begin=lambda item: None, quiet=0,
                  failed=lambda item, error: errors.append(error.message))  # fmt: skip
    return watch, errors


def test_failures_are_told_once_and_changes_are_noticed(folder, caplog):
    painted = []

    def paint(item, check):
        content = Path(item.source).read_text()
        painted.append(content)
        if content == "broken":
            raise MediaError("no picture")
        if content == "growing":
            Path(item.source).write_text("all of it")
        check()
        item.target.write_text(content)
        return 1, 0.1

    watch, errors = looking(folder, paint)
    for content in ("broken", "growing", None, "another one"):
        if content:
            (folder / "a.png").write_text(content)
        for _ in range(4):
            watch.look()
    # The last change came after it was painted: what is there stays.
    assert painted == ["broken", "growing", "all of it"]
    assert errors == ["no picture", f"{folder}/a.png is still being written"]
    assert (folder.parent / "out/a.png").read_text() == "all of it"
    (folder / "a.jpg").write_text("the same name")
    (folder / "empty.png").touch()
    for _ in range(3):
        watch.look()
    assert "would both become" in errors[2]
    assert watch.counts == {"painted": 1, "skipped": 0, "failed": 1}


def test_watching_through_an_end_and_a_restart(stylize, tools, folder):
    out, small = folder.parent / "out", tools.clip("small.mp4", size="32x16", seconds=0.2)
    command = [*stylize, "--preset", "ultrafast", "--output-dir", str(out), "--watch", str(folder)]
    shutil.copy(small, folder / "a.mp4")
    (folder / "broken.mp4").write_bytes(b"broken" * 100)

    def watching(until_there: str) -> tuple[int, str, str]:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            until((out / until_there).exists, process)
            process.send_signal(signal.SIGINT)
            said, told = process.communicate(timeout=PATIENCE)
        return process.returncode, said, told

    content = small.read_bytes()
    (folder / "b.mp4").write_bytes(content[:-100])
    status, said, told = watching("a-identity.mp4")
    assert status in (0, 1)  # by whether the broken one came before the end
    assert "Traceback" not in told
    before = (out / "a-identity.mp4").stat()
    with (folder / "b.mp4").open("ab") as rest:
        rest.write(content[-100:])
    status, said, told = watching("b-identity.mp4")
    assert status in (0, 1)
    assert " 1 skipped, " in said
    assert "interrupted" not in told
    assert (out / "a-identity.mp4").stat() == before
    assert len(tools.times(out / "b-identity.mp4")) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in", "--output-dir", "in"], "would be painted again"), (["missing", "--output-dir", "out"], "is no folder"),
        (["in", "--output-dir", "out", "--shard", "1/2"], "--shard is for"), (["in", "out"], "need --output-dir"),
        (["in", "--output-dir", "out", "-y"], "--yes would"),
    ],
)  # fmt: skip
def test_wrong_use(capfd, identity, monkeypatch, folder, arguments, message):
    monkeypatch.chdir(folder.parent)
    assert cli.run(["stylize", "--style", IDENTITY, "--watch", *arguments]) in (1, 2)
    assert message in capfd.readouterr().err


def test_without_watchfiles(capfd, identity, monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    assert cli.run(["stylize", "--style", IDENTITY, "--watch", str(folder), "--output-dir", str(folder / "out")]) == 1
    assert 'pip install "reconet[watch]"' in capfd.readouterr().err
