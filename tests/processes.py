"""Looking at processes from outside, and waiting for what they do; a busy machine only takes longer."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# Far beyond what anything takes on an idle machine; nothing is waited for any longer than it takes.
PATIENCE = 120


def until(holds: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait until something holds; fail where `process` ends before, or where it never does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert process is None or process.poll() is None, "the process has ended"
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """The processes that a process has started, zombies too."""
    others = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [other for other in others if _status(other)[1:2] == [str(pid)]]


def works_with(process: subprocess.Popen, *words: str) -> list[int]:
    """The children of a process that have these words in their command lines; none until all are there."""
    lines = {child: _command(child) for child in children(process.pid)}
    found = [next((child for child, line in lines.items() if word in line), 0) for word in words]
    return found if all(found) else []


def gone(pids: list[int]) -> bool:
    """Wait until all have ended; who reaps those whose parent has died is not ours to say."""
    until(lambda: all(_status(pid)[:1] in ([], ["Z"]) for pid in pids))
    return True


def _status(pid: int) -> list[str]:
    """State, parent and more, empty where there is no such process."""
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def _command(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
