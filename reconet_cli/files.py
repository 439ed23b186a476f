"""Files that appear under their name only when they are complete, and locks on what somebody is at work on."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType


def lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed or this process ends, however it ends; False where it is locked.

    Raises OSError where files cannot be locked: some network drives, and Windows.
    """
    if sys.platform == "win32":
        raise OSError("no locks")
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(folder: Path, patience: float) -> Iterator[bool]:
    """Lock a folder for the block, waiting up to `patience` seconds; False where it stays somebody else's.

    Where nothing can be locked (some network drives, and Windows), all are given True.
    """
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor is None or _lock_within(descriptor, patience)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock_within(descriptor: int, patience: float) -> bool:
    end = time.monotonic() + patience
    with suppress(OSError):
        while not lock(descriptor):
            if time.monotonic() >= end:
                return False
            time.sleep(0.1)
    return True


class Part:
    """A file, or a folder, that is written under a hidden name beside its place: at `path`, until `commit`.

    What is left of another one at the same place, whose process was killed, is removed; `stale` are those. As a
    context manager it removes its own on the way out unless it was committed. Raises OSError.
    """

    def __init__(self, place: Path, *, folder: bool = False) -> None:
        self.place = place
        self.stale = _remove_stale(place)
        # The ending stays last, because writers and people go by it.
        self.path = place.with_name(f".{place.stem[:100]}.{secrets.token_hex(4)}.part{place.suffix}")
        if folder:
            self.path.mkdir()
        else:
            # Made here and now, so that a folder that cannot be written is known before any work.
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        self._held = _hold(self.path)

    def commit(self) -> None:
        """Give the finished file its name."""
        os.replace(self.path, self.place)

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self.path)
        if self._held is not None:
            os.close(self._held)


@contextmanager
def replacing(path: Path, error: Callable[[str], Exception]) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to; it becomes `path` at the end, or goes away after an error.

    Where the place cannot be written, that is raised as the caller's kind of `error`.
    """
    try:
        with Part(path) as part:
            yield part.path
            part.commit()
    except OSError as problem:
        raise error(f"cannot write {path}: {problem.strerror or problem}") from problem


def _hold(path: Path) -> int | None:
    """Lock what is at `path` for as long as the descriptor stays open; None where that cannot be done."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if lock(descriptor):
                return descriptor
        except OSError:
            pass
        os.close(descriptor)
    return None


def _remove_stale(place: Path) -> list[Path]:
    """Remove parts of `place` that nobody holds; the removed ones."""
    start, end = f".{place.stem[:100]}.", f".part{place.suffix}"
    removed = []
    with suppress(OSError):
        for name in os.listdir(place.parent):  # may be thousands, for each of thousands
            if not (name.startswith(start) and re.fullmatch("[0-9a-f]{8}", name[len(start) : -len(end)])):
                continue
            path = place.with_name(name)
            if name.endswith(end) and (held := _hold(path)) is not None:
                _remove(path)
                os.close(held)
                removed.append(path)
    return removed


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
