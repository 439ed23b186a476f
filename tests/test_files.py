"""Files under a temporary name: complete or not there, and nothing left of those who were killed."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconet_cli.errors import FlowError
from reconet_cli.system.files import Part, replacing

HOLDER = """
import sys, time
from pathlib import Path
from reconet_cli.system.files import Part
part = Part(Path(sys.argv[1]), folder=len(sys.argv) > 2)
print(part.path, flush=True)
time.sleep(1000)
"""


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def holder(*arguments) -> tuple[subprocess.Popen, str]:
    """A process at work on a part, and the name of that."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def test_the_name_is_given_at_the_end(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with replacing(tmp_path / "a.txt", FlowError) as part:
        part.write_text("new")
        assert part.suffix == ".txt"
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_nothing_is_left_of_what_fails(tmp_path):
    with pytest.raises(UnicodeEncodeError), replacing(tmp_path / "a.txt", FlowError) as part:
        part.write_text("half \u00e4", encoding="ascii")
    assert names(tmp_path) == []
    with pytest.raises(FlowError, match="cannot write"), replacing(tmp_path / "no/a.txt", FlowError):
        pass


def test_a_disk_that_removes_nothing_takes_no_finished_file_away(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "unlink", fail)
    monkeypatch.setattr(Path, "unlink", fail)
    with Part(tmp_path / "a.txt", replace=False) as part:
        part.path.write_text("whole")
        part.commit()
    assert (tmp_path / "a.txt").read_text() == "whole"
    with pytest.raises(ValueError, match="the cause"), Part(tmp_path / "b.txt"):
        raise ValueError("the cause")


@pytest.mark.skipif(sys.platform == "win32", reason="parts are not locked there")
@pytest.mark.parametrize("folder", [[], ["folder"]], ids=["file", "folder"])
def test_what_a_killed_process_left_is_removed_and_what_others_work_on_is_not(tmp_path, folder):
    place = tmp_path / "out.mp4"
    others = (tmp_path / ".out.12345678.part.mkv", tmp_path / ".out.1234.part.mp4", tmp_path / ".put.12345678.part.mp4")
    for other in others:
        other.touch()
    killed, left = holder(place, *folder)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    at_work, held = holder(place, *folder)
    try:
        with Part(place, folder=bool(folder)) as part:
            assert part.stale == []  # the one at work has removed it
            assert {left, held} & {str(path) for path in tmp_path.iterdir()} == {held}
    finally:
        at_work.send_signal(signal.SIGKILL)
        at_work.communicate()
    with Part(place) as part:
        assert [str(path) for path in part.stale] == [held]
    assert names(tmp_path) == sorted(other.name for other in others)
