"""Read → stylize → write in segments: a run that was interrupted goes on where it stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from reconet_cli import __version__
from reconet_cli.errors import MediaError
from reconet_cli.stylizing.pipeline import run
from reconet_cli.stylizing.resume.segments import RestReader, SegmentWriter, frames_after
from reconet_cli.stylizing.resume.store import Store, file_identity
from reconet_cli.stylizing.stage import Stage, remembered
from reconet_cli.stylizing.whole import Counter, Outcome, Progress, tell
from reconet_cli.video.conversion import Conversion, convert
from reconet_cli.video.ffmpeg.locate import find_ffmpeg, version_line
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.request import PIPE, Request
from reconet_cli.video.writing.join import JOINABLE, Part

log = logging.getLogger("reconet")

SEGMENT = 250  # frames; x264's own distance between keyframes, so that segments cost no quality
# What does not change the result, or is told apart in another way.
_NO_SETTINGS = ("input", "output", "overwrite", "ffmpeg", "others")


def paint_resumably(
    request: Request,
    open_stages: Callable[[int, int, bool, Any], tuple[list[Stage], Any]],
    identity: dict[str, Any],
    progress: Progress,
) -> Outcome:
    """As `paint`, but finished segments stay beside the output after an interruption.

    The next call with the same input file, `identity` (of style and effects, JSON values) and settings goes on behind
    them. Segments end after every SEGMENT frames, wherever a run stopped, so the result is that of an uninterrupted
    run. `open_stages(height, width, sixteen_bit, settled)` gets what the automatic choices of an earlier run came to
    (JSON values), or None, and gives them beside the stages. The outcome counts the frames of this run.
    """
    check_resumable(request)
    store = Store(Path(request.output), identity_of(request, identity))
    with closing(store), _open(request, store) as (conversion, frames):
        tell(conversion.notes)
        width, height = conversion.reader.size
        stages, settled = open_stages(height, width, conversion.layout.sixteen_bit, store.settled)
        store.settle(settled)
        for stage in stages:
            stage.remember(store.memory())
        store.ahead = {}  # a single machine finishes everything in order
        store.claim()
        done = store.frames
        if done:
            log.info(f"{done} frames are painted already, in {store.folder}")
        reader = RestReader(conversion.reader, frames, SEGMENT)
        writer = SegmentWriter(store, conversion.output, reader.checksums, SEGMENT, partial(remembered, stages))
        try:
            began = time.perf_counter()
            count = run(reader, stages, writer, on_frame=Counter(conversion.total, progress, done))
            seconds = time.perf_counter() - began
            segments = [Part(store.path(number), segment.first) for number, segment in enumerate(store.segments)]
            conversion.output.join(segments, store.frames)
            conversion.output.commit()
        except BaseException:
            log.info(f"{store.frames} frames are kept in {store.folder}: the same command goes on from there")
            raise
        store.remove()
        tell(conversion.afterwards(done + count))
        return Outcome(count, seconds, (width, height))


@contextmanager
def _open(request: Request, store: Store) -> Iterator[tuple[Conversion, Iterator[Frame]]]:
    """The conversion, and its frames behind the finished segments. Raises MediaError."""
    last = store.segments[-1] if store.segments else None
    # Not every file can be entered half way and gives the same frames then.
    for known in (last.last, Fraction(0)) if last else (Fraction(0),):
        with ExitStack() as stack:
            try:
                conversion = stack.enter_context(convert(request, known=known))
                frames = frames_after(conversion.reader, last)
            except MediaError:
                if not known:
                    raise
                continue
            if frames is not None:
                yield conversion, frames
                return
    raise MediaError(f"{request.input} gives other frames than when {store.folder} was begun", "remove that folder")


def check_resumable(request: Request) -> None:
    """Raise MediaError for what cannot be painted in segments."""
    if PIPE in (request.input, request.output):
        raise MediaError("standard input and output cannot be resumed", "name files, or leave --resumable away")
    if not Path(request.input).is_file():
        raise MediaError(f"{request.input} is not a file", "check its name; only files can be painted --resumable")
    if request.to_picture or Path(request.output).suffix.lower() not in JOINABLE:
        raise MediaError(f"{request.output} cannot be made in segments", f"use one of {' '.join(JOINABLE)}")


def identity_of(request: Request, identity: dict[str, Any]) -> dict[str, Any]:
    """What segments depend on, by topic (JSON values); `identity` is that of style and effects."""
    settings = {name: value for name, value in asdict(request).items() if name not in _NO_SETTINGS}
    return {
        "input": file_identity(Path(request.input)),
        **identity,
        "settings": settings,
        "version of reconet": __version__,
        # Another ffmpeg's segments may not fit behind each other.
        "version of ffmpeg": version_line(find_ffmpeg(request.ffmpeg)),
    }
