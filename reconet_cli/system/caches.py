"""What can be computed again, kept under the name of what it was made from for as long as it is used."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from os import utime
from pathlib import Path

from reconet_cli.errors import ReconetError
from reconet_cli.system.files import Part, remove, remove_abandoned
from reconet_cli.system.folders import cache_folder

log = logging.getLogger("reconet")

# Folders in the cache folder, and what they hold.
KINDS = {"models": "converted networks", "flow": "optical flow of clips"}
# The least recently used goes first where there is more than this, and whatever was not used for so long.
MOST_BYTES = 20_000_000_000
MOST_DAYS = 90
_DAY = 86400
# Somebody may have chosen a folder for caches that holds other things, too.
_OURS = re.compile(r"[0-9a-f]{32}(\.\w+)?")


@dataclass(frozen=True)
class Entry:
    """A kept file or folder: its `size` in bytes, and when it was last `used` (seconds since 1970)."""

    kind: str
    path: Path
    size: int
    used: float


class Cache:
    """The kept files or folders of a kind, named by digests.

    Several processes may use a cache at once: an entry appears when it is complete, and whoever is last wins with the
    same content. Failures never end a run: where nothing can be written, `note` is told once and nothing more is kept.
    """

    def __init__(self, kind: str, suffix: str = "", note: Callable[[str], None] = log.debug) -> None:
        self.folder = cache_folder(kind)
        self.writable = True
        self._what = KINDS[kind]
        self._suffix = suffix
        self._note = note
        self._lock = threading.Lock()

    def use(self, key: str) -> Path:
        """The place of an entry, which counts as used from now on; there may be none."""
        with suppress(OSError):  # another user's, or part of a read-only system
            utime(self._path(key))
        return self._path(key)

    def make_room(self, size: int = 0) -> None:
        """Make the folder and forget what is old. Where there is no room for `size` bytes, keep nothing."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _forget_old(size)
            if shutil.disk_usage(self.folder).free < size:
                self._give_up("the disk is too full")
        except OSError as problem:
            self._give_up(problem.strerror or str(problem))

    def write(self, key: str, fill: Callable[[Path], object], *, folder: bool = False) -> None:
        """Keep what `fill` writes to the place that it is given, a file or a `folder`."""
        if not self.writable:
            return
        try:
            with Part(self._path(key), folder=folder) as part:
                fill(part.path)
                part.commit()
        except OSError as problem:
            self._give_up(problem.strerror or str(problem))
        except RuntimeError as problem:  # what OpenVINO raises
            self._give_up(str(problem))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key[:32]}{self._suffix}"

    def _give_up(self, reason: str) -> None:
        with self._lock:
            if self.writable:
                self._note(f"{self._what}: not kept for the next time, {self.folder}: {reason}")
            self.writable = False


def entries() -> list[Entry]:
    """Everything that is kept, of all kinds."""
    found = []
    for kind in KINDS:
        with suppress(OSError):
            for path in cache_folder(kind).iterdir():
                if _OURS.fullmatch(path.name):
                    with suppress(OSError):  # another process has just removed it
                        found.append(Entry(kind, path, _size(path), path.stat().st_mtime))
    return found


def clear() -> None:
    """Remove everything that is kept. Raises ReconetError where some of it stays."""
    _remove_abandoned()
    for entry in entries():
        remove(entry.path)
    if left := entries():
        message = f"{len(left)} kept results cannot be removed from {cache_folder()}"
        raise ReconetError(message, "they may be another user's")


def _forget_old(room: int) -> None:
    """Keep to the limits, with so many bytes more. What was used within a day stays: somebody may be at work on it."""
    _remove_abandoned()
    kept = entries()
    total = sum(entry.size for entry in kept) + room
    for entry in sorted(kept, key=lambda entry: entry.used):
        idle = (time.time() - entry.used) / _DAY
        if idle > MOST_DAYS or (total > MOST_BYTES and idle > 1):
            remove(entry.path)
            total -= entry.size


def _remove_abandoned() -> None:
    for kind in KINDS:
        remove_abandoned(cache_folder(kind))


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.iterdir() if path.is_dir() else [path]))
