"""Finished pieces: they come in any order and are put behind one another."""

from __future__ import annotations

import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.cluster.pieces import Piece
from reconet_cli.stylizing.cluster.work import Done
from reconet_cli.stylizing.resume.store import Store


class Finished:
    """The pieces of a film, and which of them are done. Pieces that wait for earlier ones survive an interruption."""

    def __init__(self, store: Store, pieces: list[Piece]) -> None:
        self.pieces = pieces
        self.exact: set[int] = set()  # pieces that have to be read from the film's beginning
        self._store = store
        self._waiting: dict[int, Done] = {}
        self._contents: dict[int, int | None] = {}  # the CRC-32 of what waits: files are large, and read once
        self._next = 0
        known = {(entry["start"], entry["end"]): (name, entry) for name, entry in store.ahead.items()}
        for piece in pieces:
            name, entry = known.get((str(piece.start), str(piece.end)), ("", {}))
            if entry and _crc(store.folder / name) == entry["content"]:
                self._contents[piece.number] = entry["content"]
                self._waiting[piece.number] = _done(store.folder / name, entry)
        store.ahead = self._ahead()

    @property
    def frames(self) -> int:
        """Frames that are painted for good."""
        return self._store.frames + sum(done.frames for done in self._waiting.values())

    @property
    def missing(self) -> list[Piece]:
        """Pieces that are still to be painted."""
        return [piece for piece in self.pieces[self._next :] if piece.number not in self._waiting]

    def is_done(self, piece: Piece) -> bool:
        """Whether a piece needs no painting any more."""
        return piece.number < self._next or piece.number in self._waiting

    def add(self, piece: Piece, done: Done) -> None:
        """Keep a painted piece. Raises MediaError where it does not fit behind the one before, however it is read."""
        for name, content in done.content.items():
            path = self._store.folder / Path(name).name
            path.write_bytes(content)
        if done.content:
            done.part, done.memory = (
                str(self._store.folder / Path(name).name) if name else "" for name in (done.part, done.memory)
            )
            done.content = {}
        self._waiting[piece.number] = done
        while self._next in self._waiting and self._fold(self.pieces[self._next]):
            self._next += 1
        self._store.keep_ahead(self._ahead())

    def discard(self, done: Done) -> None:
        """Remove the files of a piece that was painted twice."""
        for name in (done.part, done.memory):
            if name and not done.content:
                Path(name).unlink(missing_ok=True)

    def _fold(self, piece: Piece) -> bool:
        """Put a piece behind the segments; False where it has to be painted again."""
        done = self._waiting[piece.number]
        if not done.frames:
            return True
        last = self._store.segments[-1] if self._store.segments else None
        if last and done.before != (last.last, last.checksum):
            if piece.number in self.exact:
                raise MediaError("the film gives other frames each time it is read", "paint it without --cluster")
            self.exact.add(piece.number)
            self.discard(self._waiting.pop(piece.number))
            self._contents.pop(piece.number, None)
            return False
        assert done.first is not None
        assert done.last is not None
        memory = Path(done.memory) if done.memory else None
        self._store.take(Path(done.part), memory, done.frames, done.first, *done.last)
        del self._waiting[piece.number]
        return True

    def _content(self, number: int) -> int | None:
        if number not in self._contents:
            self._contents[number] = _crc(Path(self._waiting[number].part))
        return self._contents[number]

    def _ahead(self) -> dict[str, Any]:
        ahead = {}
        for number, done in self._waiting.items():
            if number < self._next or not done.frames:
                continue
            piece = self.pieces[number]
            entry = {"start": str(piece.start), "end": str(piece.end), "frames": done.frames, "first": str(done.first),
                     "last": _texts(done.last), "before": _texts(done.before),
                     "content": self._content(number)}  # fmt: skip
            ahead[Path(done.part).name] = entry
        return ahead


def _texts(known: tuple[Fraction, int] | None) -> list[Any] | None:
    return None if known is None else [str(known[0]), known[1]]


def _known(entry: list[Any] | None) -> tuple[Fraction, int] | None:
    return None if entry is None else (Fraction(entry[0]), int(entry[1]))


def _done(part: Path, entry: dict[str, Any]) -> Done:
    memory = Path(f"{part}.npz")
    return Done(
        entry["frames"], _known(entry["before"]), Fraction(entry["first"]), _known(entry["last"]), str(part),
        str(memory) if memory.exists() else "",
    )  # fmt: skip


def _crc(path: Path) -> int | None:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError:
        return None
