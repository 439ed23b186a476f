"""Finished segments on disk, what is remembered behind them, and the manifest of what they were made from."""

from __future__ import annotations

import json
import logging
import os
import re
import zlib
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.resume.memories import is_whole, load_memory, save_memory
from reconet_cli.stylizing.stage import Memory
from reconet_cli.system.files import lock
from reconet_cli.system.identity import digest, sample
from reconet_cli.system.json_text import json_value

log = logging.getLogger("reconet")

MANIFEST = "manifest.json"
_LOCK = "lock"
_MEMORIES = 2  # of the latest segments: the last one's file may not have survived a power cut
_OURS = re.compile(r"\.?\d{6}\.(\w+\.)?(part\.)?\w+(\.npz)?|parts\.txt|manifest\.json(\.part)?|lock|client-\w+")


@dataclass(frozen=True)
class Segment:
    """A finished file: its number of frames, its size in bytes and (`content`) the CRC-32 of those.

    `first` and `last` are when those frames are shown (seconds, on the output's clock), `checksum` is that of the
    source of the last one. `memory` is the size in bytes of what the painter remembers behind it, 0 for nothing.
    """

    frames: int
    size: int
    first: Fraction
    last: Fraction
    checksum: int
    memory: int
    content: int


def file_identity(path: Path) -> dict[str, Any]:
    """What tells a file from others and from later versions of itself. Raises MediaError where it cannot be read."""
    try:
        status = path.stat()
        ends = digest([sample(path)])
    except OSError as problem:
        raise MediaError(f"{path}: {problem.strerror}", "check the name of the input") from problem
    return {"size": status.st_size, "modified": status.st_mtime_ns, "ends": ends}


class Store:
    """The folder of segments beside an output. Nothing is written before `claim`; then it is locked until `close`.

    `identity` says what the segments are made from, by topic (JSON values); those of another identity are not used, and
    the log says so. `settled` is what an earlier run has decided for all segments, None at the beginning. `ahead` are
    finished files that earlier segments are missing for (JSON values by name); the manifest keeps them, too.
    """

    def __init__(self, target: Path, identity: dict[str, Any]) -> None:
        self.folder = target.with_name(f"{target.name}.parts")
        self.settled: Any = None
        self.segments: list[Segment] = []
        self.ahead: dict[str, Any] = {}
        self._suffix = target.suffix
        self._identity: dict[str, Any] = json.loads(json.dumps(identity, default=str))
        self._lock: int | None = None
        self._damaged = False
        self._found = self._content()
        self._read()

    @property
    def frames(self) -> int:
        """The number of frames in finished segments."""
        return sum(segment.frames for segment in self.segments)

    def path(self, number: int) -> Path:
        """The file of a segment, counted from 0."""
        return self.folder / f"{number:06d}{self._suffix}"

    def part(self, number: int) -> Path:
        """The file of a segment while it is written."""
        return self.folder / f".{number:06d}.part{self._suffix}"

    def memory(self) -> Memory:
        """What the painter remembered behind the last segment. Raises MediaError."""
        kept = self.segments and self.segments[-1].memory
        return load_memory(self._memory(len(self.segments) - 1)) if kept else {}

    def _memory(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"

    def settle(self, settled: Any) -> None:
        """Keep what this run has decided. Raises MediaError where the finished segments were made in another way."""
        settled = json.loads(json.dumps(settled))
        if self.segments and settled != self.settled:
            raise MediaError(
                f"{self.folder} was begun with {self.settled}, and this is {settled}",
                "use the same engine, device and precision, or remove that folder",
            )
        self.settled = settled

    def claim(self) -> None:
        """Make the folder ready for more. Raises MediaError where it cannot be written or another run has it.

        What is neither a segment nor in `ahead` is removed.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            self._take()
            if self._content() != self._found:
                raise MediaError(f"another run has just worked in {self.folder}", "start again, to go on from there")
            if self._damaged:
                self._set_aside()
            kept = {self.path(number) for number in range(len(self.segments))} | {self.folder / _LOCK}
            kept |= {self._memory(number) for number in self._remembered()}
            kept |= {self.folder / f"{name}{memory}" for name in self.ahead for memory in ("", ".npz")}
            for path in self._ours():
                if path not in kept:
                    path.unlink()
            self._write()
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def add(self, frames: int, first: Fraction, last: Fraction, checksum: int, memory: Memory) -> None:
        """The next segment's part is complete, and the painter remembers `memory`. Raises MediaError."""
        number = len(self.segments)
        try:
            if memory:
                save_memory(self._memory(number), memory)
            self._append(self.part(number), frames, first, last, checksum)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def take(
        self, part: Path, memory: Path | None, frames: int, first: Fraction, last: Fraction, checksum: int
    ) -> None:
        """The next segment, with what the painter remembers behind it, is in these files. Raises MediaError."""
        try:
            if memory:
                os.replace(memory, self._memory(len(self.segments)))
            self._append(part, frames, first, last, checksum)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def keep_ahead(self, ahead: dict[str, Any]) -> None:
        """Note which finished files wait for earlier segments. Raises MediaError."""
        self.ahead = ahead
        try:
            self._write()
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def _append(self, part: Path, frames: int, first: Fraction, last: Fraction, checksum: int) -> None:
        number = len(self.segments)
        memory, path = self._memory(number), self.path(number)
        remembered = memory.stat().st_size if memory.exists() else 0
        for file in (part, *([memory] if remembered else [])):
            _sync(file)
        os.replace(part, path)
        self.segments.append(Segment(frames, path.stat().st_size, first, last, checksum, remembered, _crc(path)))
        self._write()
        self._memory(number - _MEMORIES).unlink(missing_ok=True)

    def close(self) -> None:
        """Let others work in the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _set_aside(self) -> None:
        """Keep the folder under another name: what nobody can tell the age of may be a night's work."""
        aside = self.folder.with_name(f"{self.folder.name}.aside")
        number = 1
        while aside.exists():
            number += 1
            aside = self.folder.with_name(f"{self.folder.name}.aside-{number}")
        self.close()  # Windows renames no folder in which a file is open
        os.rename(self.folder, aside)
        log.info(f"what was there is kept in {aside}")
        self.folder.mkdir()
        self._take()

    def _take(self) -> None:
        path = self.folder / _LOCK
        self._lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            free = lock(self._lock)
        except OSError:  # there are no locks here
            return
        if not free:
            raise MediaError(
                f"{self.folder} is in use by process {path.read_text().strip() or '(unknown)'}",
                "wait until it is done, or end it",
            )
        os.ftruncate(self._lock, 0)
        os.write(self._lock, b"%d\n" % os.getpid())

    def remove(self) -> None:
        """The output is complete: take everything away again, but nothing that others have put there."""
        for path in self._ours():
            if path.name == _LOCK and os.name == "nt":
                self.close()  # Windows removes no open file
            path.unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _refuse(self, reason: str) -> None:
        log.info(f"{self.folder} {reason}: starting from the beginning")

    def _ours(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if _OURS.fullmatch(path.name)]

    def _content(self) -> bytes | None:
        """The manifest, None where there is none yet."""
        manifest = self.folder / MANIFEST
        try:
            return manifest.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise MediaError(f"{manifest}: {problem.strerror}") from problem

    def _read(self) -> None:
        if self._found is None:
            return
        try:
            content = json_value(self._found)
            segments = [_segment(entry) for entry in content["segments"]]
            found, settled = dict(content["identity"]), content["settled"]
            ahead = dict(content.get("ahead", {}))
        except (ValueError, TypeError, KeyError, ZeroDivisionError):
            self._damaged = True
            self._refuse("has a damaged manifest")
            return
        others = [topic for topic in self._identity if found.get(topic) != self._identity[topic]]
        if others:
            self._refuse(f"was begun with different {' and '.join(others)}")
            return
        self.settled = settled
        for number, segment in enumerate(segments):
            # A power cut may leave a name without its content, or with another.
            if not (_has(self.path(number), segment.size) and _crc(self.path(number)) == segment.content):
                break
            self.segments.append(segment)
        while self.segments and not self._can_go_on():
            self.segments.pop()
        self.ahead = ahead

    def _can_go_on(self) -> bool:
        """Whether what has to be remembered behind the last segment is there, and undamaged."""
        memory = self.segments[-1].memory
        return not memory or is_whole(self._memory(len(self.segments) - 1), memory)

    def _remembered(self) -> range:
        return range(max(0, len(self.segments) - _MEMORIES), len(self.segments))

    def _write(self) -> None:
        content = {
            "identity": self._identity,
            "settled": self.settled,
            "ahead": self.ahead,
            "segments": [{**asdict(s), "first": str(s.first), "last": str(s.last)} for s in self.segments],
        }
        part = self.folder / f"{MANIFEST}.part"
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        _sync(part)
        os.replace(part, self.folder / MANIFEST)
        if os.name != "nt":  # where folders cannot be opened
            _sync(self.folder)

    def _unwritable(self, problem: OSError) -> MediaError:
        return MediaError(f"cannot write in {self.folder}: {problem.strerror}")


def _sync(path: Path) -> None:
    """Wait until what is at `path` survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _has(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            value = zlib.crc32(piece, value)
    return value


def _segment(entry: dict[str, Any]) -> Segment:
    first, last = Fraction(entry["first"]), Fraction(entry["last"])
    frames, size, *more = (int(entry[name]) for name in ("frames", "size", "checksum", "memory", "content"))
    return Segment(frames, size, first, last, *more)
