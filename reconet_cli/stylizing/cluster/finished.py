"""Finished segments: they come in any order and are put behind one another."""

from __future__ import annotations

import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.cluster.spans import Span
from reconet_cli.stylizing.cluster.work import Done, Task
from reconet_cli.stylizing.resume.store import Store


class Finished:
    """The segments of a film, and which of them are done; those that wait for earlier ones survive an interruption."""

    def __init__(self, store: Store, spans: list[Span]) -> None:
        self.spans = spans
        self._exact: set[int] = set()  # segments that have to be read from the film's beginning
        self._bridges: set[int] = set()  # segments that lead from one history of deflicker to another
        self._store = store
        self._waiting: dict[int, Done] = {}
        self._contents: dict[int, int | None] = {}  # the CRC-32 of what waits: files are large, and read once
        self._next = 0
        known = {(entry["start"], entry["end"]): (name, entry) for name, entry in store.ahead.items()}
        for span in spans:
            name, entry = known.get((str(span.start), str(span.end)), ("", {}))
            if entry and _crc(store.folder / name) == entry["content"]:
                self._contents[span.number] = entry["content"]
                self._waiting[span.number] = _done(store.folder / name, entry)
        store.ahead = self._ahead()

    @property
    def frames(self) -> int:
        """Frames that are painted for good."""
        return self._store.frames + sum(done.frames for done in self._waiting.values())

    @property
    def missing(self) -> list[Span]:
        """Segments that are still to be painted."""
        return [span for span in self.spans[self._next :] if span.number not in self._waiting]

    def is_done(self, span: Span) -> bool:
        """Whether a segment needs no painting any more."""
        return span.number < self._next or span.number in self._waiting

    def task(self, span: Span) -> Task:
        """How a segment is to be painted."""
        history = self._store.memory() if span.number in self._bridges else {}
        return Task(span, span.number in self._exact, history)

    def add(self, span: Span, done: Done) -> None:
        """Keep a painted segment. Raises MediaError where it does not fit behind the one before, however it is read."""
        for name, content in done.content.items():
            path = self._store.folder / Path(name).name
            path.write_bytes(content)
        if done.content:
            done.part, done.memory = (
                str(self._store.folder / Path(name).name) if name else "" for name in (done.part, done.memory)
            )
            done.content = {}
        self._waiting[span.number] = done
        while self._next in self._waiting and self._fold(self.spans[self._next]):
            self._next += 1
        self._store.keep_ahead(self._ahead())

    def discard(self, done: Done) -> None:
        """Remove the files of a segment that was painted twice."""
        for name in (done.part, done.memory):
            if name and not done.content:
                Path(name).unlink(missing_ok=True)

    def _fold(self, span: Span) -> bool:
        """Put a segment behind the segments; False where it has to be painted again."""
        done = self._waiting[span.number]
        if not done.frames:
            return True
        last = self._store.segments[-1] if self._store.segments else None
        if last and done.before != (last.last, last.checksum):
            if span.number in self._exact:
                raise MediaError("the film gives other frames each time it is read", "paint it without --cluster")
            self._exact.add(span.number)
            return self._again(span)
        if last and last.memory and done.fresh:
            self._bridges.add(span.number)
            return self._again(span)
        assert done.first is not None
        assert done.last is not None
        memory = Path(done.memory) if done.memory else None
        self._store.take(Path(done.part), memory, done.frames, done.first, *done.last)
        del self._waiting[span.number]
        return True

    def _again(self, span: Span) -> bool:
        self.discard(self._waiting.pop(span.number))
        self._contents.pop(span.number, None)
        return False

    def _content(self, number: int) -> int | None:
        if number not in self._contents:
            self._contents[number] = _crc(Path(self._waiting[number].part))
        return self._contents[number]

    def _ahead(self) -> dict[str, Any]:
        ahead = {}
        for number, done in self._waiting.items():
            if number < self._next or not done.frames:
                continue
            span = self.spans[number]
            entry = {"start": str(span.start), "end": str(span.end), "frames": done.frames, "first": str(done.first),
                     "last": _texts(done.last), "before": _texts(done.before),
                     "fresh": done.fresh, "content": self._content(number)}  # fmt: skip
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
        str(memory) if memory.exists() else "", entry.get("fresh", False),
    )  # fmt: skip


def _crc(path: Path) -> int | None:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError:
        return None
