"""What a worker does: read its part of the film, paint it, and write it as a segment."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from reconet_cli import __version__
from reconet_cli.engines.kinds import EngineOptions
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.errors import MediaError, ReconetError, StyleError
from reconet_cli.stylizing.cluster.ends import Known, SpanReader, SpanWriter
from reconet_cli.stylizing.cluster.spans import Span
from reconet_cli.stylizing.deflicker.bridge import BridgeStage
from reconet_cli.stylizing.deflicker.deflicker import Deflicker
from reconet_cli.stylizing.deflicker.stage import DeflickerStage
from reconet_cli.stylizing.effects import Effects
from reconet_cli.stylizing.painting import Painting
from reconet_cli.stylizing.pipeline import run
from reconet_cli.stylizing.resume.memories import save_memory
from reconet_cli.stylizing.resume.run import identity_of
from reconet_cli.stylizing.stage import Memory, Stage, remembered
from reconet_cli.system.failures import as_error
from reconet_cli.system.identity import digest
from reconet_cli.system.processors import limit_processors
from reconet_cli.video.conversion import convert
from reconet_cli.video.request import Request


@dataclass(frozen=True)
class StyleSource:
    """A style as every worker finds it: its name or path, and the digests of its files."""

    asked: str
    path: str
    options: EngineOptions
    digests: tuple[str, ...]

    @classmethod
    def of(cls, style: LoadedStyle) -> StyleSource:
        """Where a loaded style comes from."""
        path = str(style.path.absolute())
        return cls(style.asked, path, style.options, tuple(digest([file]) for file in style.files))

    def load(self) -> LoadedStyle:
        """Find the same style here. Raises `StyleError`."""
        for name in (self.asked, self.path):
            try:
                style = LoadedStyle(name, self.options)
            except StyleError:
                continue
            if tuple(digest([file]) for file in style.files) == self.digests:
                return style
        raise StyleError(
            f"the style {self.asked} is not there, or is another one", "copy it to where the client has it"
        )


@dataclass(frozen=True)
class Film:
    """What is the same for all segments: the film, what paints it, and where segments go.

    `folder` is shared by client and workers; None means that segments are sent back. Work stops when `token`, a file in
    that folder, is gone. `processors` limits what a worker process may use (None: everything).
    """

    request: Request
    styles: tuple[StyleSource, ...]
    effects: Effects
    identity: dict[str, Any]
    folder: str | None
    token: str
    processors: int | None
    version: str = __version__


@dataclass
class Done:
    """A finished segment: its file, or its bytes, and what the client has to know to put it behind the one before.

    `before` is the source frame in front of the first one. A `fresh` segment was painted without what deflicker
    remembers of the one before. A segment without frames has no file.
    """

    frames: int = 0
    before: Known | None = None
    first: Fraction | None = None
    last: Known | None = None
    part: str = ""
    memory: str = ""
    fresh: bool = False
    content: dict[str, bytes] = field(default_factory=dict)
    settled: Any = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """A segment that this worker cannot paint. `hopeless` is what no other worker could do either."""

    message: str
    hint: str
    hopeless: bool = False


@dataclass(frozen=True)
class Task:
    """A segment to paint. `exact` reads the film from its beginning, for files that cannot be entered half way.

    `history` is what deflicker remembers of the segment before, where the one behind was painted without it: the
    segment leads from one to the other.
    """

    span: Span
    exact: bool = False
    history: Memory = field(default_factory=dict)


def paint_segment(film: Film, task: Task, attempt: str, settled: Any, report: Callable[[int], None]) -> Done | Failed:
    """Paint one segment; `report` hears of the frames so far about once a second.

    `settled` are the precisions that others paint with, None for the first one.
    """
    try:
        _prepare(film)
        with ExitStack() as stack:
            folder = Path(film.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="reconet-")))
            done = _painted(film, task, folder, attempt, settled, report)
            if not film.folder:
                done.content = {name: Path(name).read_bytes() for name in (done.part, done.memory) if name}
            return done
    except Exception as problem:
        error = as_error(problem, film.request.input)
        return Failed(error.message, error.hint or "", isinstance(error, _ChangedError))


def settled_stages(film: Film, size: tuple[int, int, bool]) -> Any:
    """What the automatic choices come to for frames of a size (height, width, sixteen bits), or `Failed`."""
    try:
        _prepare(film)
        painting = Painting([_load(style) for style in film.styles], film.effects)
        with ExitStack() as stack:
            return painting.stages(stack, *size)[1]
    except Exception as problem:
        error = as_error(problem, film.request.input)
        return Failed(error.message, error.hint or "")


class _ChangedError(MediaError):
    """The source is another one than when the client began."""


@functools.lru_cache(maxsize=1)
def _limited(processors: int | None) -> None:
    """Once, before anything starts threads. Workers that share a machine are numbered, and get cores of their own."""
    from distributed import get_worker

    if processors:
        limit_processors(processors, int(get_worker().name) * processors)


def _prepare(film: Film) -> None:
    """Raise a ReconetError where this worker would paint something else than the client asked for."""
    _limited(film.processors)
    if film.version != __version__:
        raise ReconetError(f"reconet {__version__} is here, the client has {film.version}", "install the same version")


# What the stages remembered behind the segment that this process has painted last, by client and number.
_memories: dict[tuple[str, int], Memory] = {}


def _remember(film: Film, span: Span, memory: Memory) -> None:
    _memories.clear()
    if memory:
        _memories[film.token, span.number] = memory


@functools.lru_cache(maxsize=4)
def _load(style: StyleSource) -> LoadedStyle:
    return style.load()


def _painted(film: Film, task: Task, folder: Path, attempt: str, settled: Any, report: Callable[[int], None]) -> Done:
    began, span = time.monotonic(), task.span
    painting = Painting([_load(style) for style in film.styles], film.effects, film.request.start, film.request.ffmpeg)
    suffix = Path(film.request.output).suffix
    request = replace(film.request, output=str(folder / f"output{suffix}"), others=())
    _check(film, identity_of(request, painting.identity()))
    part = folder / f".{span.number:06d}.{attempt}.part{suffix}"
    before = task.history or _memories.get((film.token, span.number - 1), {})
    bridge = bool(task.history and span.end is not None)
    done = Done(part=str(part), fresh=bool(film.effects.deflicker and span.warm is not None and not before))
    known = Fraction(0) if task.exact or span.warm is None else max(Fraction(0), span.warm)
    try:
        with ExitStack() as stack:
            conversion = stack.enter_context(convert(request, known=known))
            width, height = conversion.reader.size
            stages, done.settled = painting.stages(stack, height, width, conversion.layout.sixteen_bit, settled)
            if bridge:
                stages = _bridged(stages, film, span)
            for stage in stages:
                stage.remember(before)
            reader = SpanReader(conversion.reader, span, warm_up=done.fresh or bridge)
            writer = SpanWriter(conversion, span, part, _reporting(film, report))
            run(reader, stages, writer)
            done.frames, done.first, done.last, done.before = writer.count, writer.first, reader.last, reader.before
            memory = remembered(stages)
            _remember(film, span, memory)
        if not done.frames:
            done.part = ""
        elif memory:
            done.memory = f"{part}.npz"
            save_memory(Path(done.memory), memory)
    except BaseException:
        for path in (part, Path(f"{part}.npz")):
            path.unlink(missing_ok=True)
        raise
    done.seconds = time.monotonic() - began
    return done


def _bridged(stages: list[Stage], film: Film, span: Span) -> list[Stage]:
    """The stages, with a deflicker that leads from one history to another."""
    assert span.start is not None
    assert span.end is not None
    found: list[Stage] = []
    for stage in stages:
        if isinstance(stage, DeflickerStage):
            stage = BridgeStage(DeflickerStage(Deflicker(film.effects.deflicker)), stage, span.start, span.end)
        found.append(stage)
    return found


def _check(film: Film, identity: dict[str, Any]) -> None:
    for topic, value in identity.items():
        if film.identity.get(topic) == value:
            continue
        if topic == "input":
            raise _ChangedError(f"{film.request.input} is not the file that the client has", "let it stay as it is")
        raise ReconetError(f"has another {topic} than the client", "install and copy the same to all machines")


def _reporting(film: Film, report: Callable[[int], None]) -> Callable[[int], None]:
    """Report about once a second, and stop where the client has gone."""
    told = 0.0

    def advance(count: int) -> None:
        nonlocal told
        if time.monotonic() - told < 1:
            return
        told = time.monotonic()
        if film.folder and not os.path.exists(os.path.join(film.folder, film.token)):
            raise ReconetError("the client has ended")
        report(count)

    return advance
