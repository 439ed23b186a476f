"""Files that appear under their name only when they are complete, and locks on what somebody is at work on."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LONGEST = 100  # bytes of a name that its part repeats
# They may lie beside data in a folder that is read, and are written there again.
_REPORTS = (".json", ".csv", ".html")


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
    context manager it removes its own on the way out unless it was committed. Without `replace` nothing is replaced
    that is at the place by then. What is `durable` is on the disk before it gets its name: a power cut leaves the old
    one or the new one. Raises OSError.
    """

    def __init__(self, place: Path, *, folder: bool = False, replace: bool = True, durable: bool = True) -> None:
        self.place = place
        self._replace = replace
        self._durable = durable
        self.stale = _remove_stale(place)
        # The ending stays last, because writers and people go by it.
        self.path = place.with_name(f"{_start(place)}{secrets.token_hex(4)}.part{place.suffix}")
        if folder:
            self.path.mkdir()
        else:
            # Made here and now, so that a folder that cannot be written is known before any work.
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        self._held = _hold(self.path)

    def commit(self) -> None:
        """Give the finished file its name. Raises FileExistsError where there is one that must not be replaced."""
        if self._replace:
            _keep_mode(self.path, self.place)
        give_name(self.path, self.place, replace=self._replace, durable=self._durable)

    def keep_aside(self) -> Path:
        """Give the finished file a free name beside its place; that name."""
        for number in range(1, 1000):
            aside = self.place.with_name(f"{self.place.stem}.{number}{self.place.suffix}")
            with suppress(FileExistsError):
                give_name(self.path, aside, replace=False, durable=self._durable)
                return aside
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.place))

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *error: object) -> None:
        remove(self.path)  # what stays, the next one at this place removes
        if self._held is not None:
            os.close(self._held)


@contextmanager
def replacing(path: Path, error: Callable[[str], Exception], *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to; it becomes `path` at the end, or goes away after an error.

    Where the place cannot be written, that is raised as the caller's kind of `error`; `durable` is as in `Part`.
    """
    try:
        with Part(path, durable=durable) as part:
            yield part.path
            part.commit()
    except OSError as problem:
        raise error(f"cannot write {path}: {problem.strerror or problem}") from problem


def give_name(part: Path, place: Path, *, replace: bool = True, durable: bool = True) -> None:
    """Rename a finished file, or folder. Raises OSError; FileExistsError for a taken place, unless it may `replace`."""
    if durable:
        _sync(part)
    if replace or part.is_dir() or os.name == "nt":
        # A folder replaces only an empty one. On Windows, rename replaces nothing.
        (os.replace if replace else os.rename)(part, place)
    else:
        _take_name(part, place)
    if durable:
        _sync_names(place.parent)


def keep_apart(outputs: Iterable[Path], inputs: Iterable[Path], error: Callable[[str, str], Exception]) -> None:
    """Raise the caller's kind of `error` where an output is one of the inputs, by whatever name or link.

    A folder stands for all files in it and below, apart from reports, which nobody reads as data.
    """
    there = {found: output for output in outputs if (found := _identity(output)) is not None}
    if not there:
        return
    for path in inputs:
        inside = path.is_dir()
        for file in _files_below(path) if inside else [path]:
            found = _identity(file)
            output = there.get(found) if found else None
            if output is not None and not (inside and file.suffix.lower() in _REPORTS):
                raise error(f"{output} is an input of this command", "give another name for the output")


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file is under all its names; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return None if stat.S_ISDIR(status.st_mode) else (status.st_dev, status.st_ino)


def _files_below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names)


def _keep_mode(part: Path, place: Path) -> None:
    """Let the new file be read and written by whom the old one was."""
    with suppress(OSError):
        status = place.stat()
        if stat.S_ISREG(status.st_mode) and part.is_file():
            os.chmod(part, stat.S_IMODE(status.st_mode))


def _take_name(part: Path, place: Path) -> None:
    try:
        os.link(part, place)
    except FileExistsError:
        raise
    except OSError:  # a drive without hard links: the name is taken first, and the file put there
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.replace(part, place)
    else:
        with suppress(OSError):  # the file is complete and has its name
            os.unlink(part)


def _sync(path: Path) -> None:
    """Bring a file, or all files of a folder, to the disk."""
    for file in _files_below(path) if path.is_dir() else [path]:
        # Windows syncs only what is open for writing.
        descriptor = os.open(file, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    if path.is_dir():
        _sync_names(path)


def _sync_names(folder: Path) -> None:
    """Bring the names in a folder to the disk, where folders can be synced."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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


def remove_abandoned(folder: Path) -> None:
    """Remove all parts in a folder whose processes are gone."""
    _remove_parts(folder, re.compile(r"\..*\.[0-9a-f]{8}\.part(\.[^.]*)?", re.DOTALL))


def _remove_stale(place: Path) -> list[Path]:
    """Remove parts of `place` that nobody holds; the removed ones."""
    own = re.compile(f"{re.escape(_start(place))}[0-9a-f]{{8}}{re.escape(f'.part{place.suffix}')}")
    return _remove_parts(place.parent, own)


def _remove_parts(folder: Path, wanted: re.Pattern[str]) -> list[Path]:
    removed = []
    with suppress(OSError):
        for name in os.listdir(folder):  # may be thousands, for each of thousands
            if name[0] != "." or not wanted.fullmatch(name):
                continue
            path = folder / name
            if (held := _hold(path)) is not None:
                remove(path)
                os.close(held)
                removed.append(path)
    return removed


def _start(place: Path) -> str:
    """What the names of a place's parts begin with: not all of a name that is as long as names may be."""
    stem = place.stem[:_LONGEST]
    while len(os.fsencode(stem)) > _LONGEST:
        stem = stem[:-1]
    return f".{stem}."


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; what cannot be removed stays."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
