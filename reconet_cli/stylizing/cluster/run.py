"""The client's side: the film is cut, its segments are handed out, and what comes back is joined."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.cluster.connect import processors_of_worker
from reconet_cli.stylizing.cluster.dispatch import Dispatcher, settle, wait_for
from reconet_cli.stylizing.cluster.finished import Finished
from reconet_cli.stylizing.cluster.options import ClusterOptions
from reconet_cli.stylizing.cluster.session import SchedulerGoneError, Session
from reconet_cli.stylizing.cluster.spans import cut, segment_length
from reconet_cli.stylizing.cluster.work import Film, StyleSource
from reconet_cli.stylizing.painting import Painting
from reconet_cli.stylizing.resume.run import SEGMENT, check_resumable, identity_of
from reconet_cli.stylizing.resume.store import Store
from reconet_cli.stylizing.whole import Outcome, Progress, tell
from reconet_cli.video.conversion import Conversion, convert
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.request import Request
from reconet_cli.video.writing.join import Part

log = logging.getLogger("reconet")

# Frames in front of a segment that deflicker needs for its history; `benchmarks/cluster.py` measures what they do.
_WARM_UP = 60


# Yields what it waits for, and returns what was done.
Steps = Generator[list[Any], None, Outcome]


def paint_on_cluster(request: Request, painting: Painting, options: ClusterOptions, progress: Progress) -> Outcome:
    """As `paint_resumably`, with segments painted by a cluster's workers, which read the source themselves.

    Finished segments stay after an interruption; the same call goes on from there, and so does `paint_resumably`.
    Raises ReconetError.
    """
    with Session(options) as session:
        steps = painting_steps(request, painting, session, progress)
        try:
            while True:
                wait_for(next(steps))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        finally:
            steps.close()


def painting_steps(
    request: Request, painting: Painting, session: Session, progress: Progress, *, films: int = 1
) -> Steps:
    """The same in steps, for `films` that are painted at the same time: each yields the futures it waits for.

    Raises ReconetError.
    """
    check_resumable(request)
    request = _absolute(request)
    identity = identity_of(request, painting.identity())
    store = Store(Path(request.output), identity)
    with closing(store), convert(request) as conversion:
        tell(conversion.notes)
        first = next(iter(conversion.reader), None)
        if first is None:
            conversion.reader.finish()
        if first is None or conversion.total is None:
            raise MediaError(f"{request.input} does not say how long it is", "paint it --resumable")
        conversion.reader.abort()
        began = time.perf_counter()
        done = yield from _paint(request, painting, identity, session, store, conversion, first, progress, films)
        seconds = time.perf_counter() - began
        store.remove()
        tell(conversion.afterwards(store.frames))
        return Outcome(store.frames - done, seconds, conversion.reader.size)


def _paint(
    request: Request,
    painting: Painting,
    identity: dict[str, Any],
    session: Session,
    store: Store,
    conversion: Conversion,
    first: Frame,
    progress: Progress,
    films: int,
) -> Generator[list[Any], None, int]:
    """Paint what is missing and join everything; gives the number of frames that were there before."""
    assert conversion.total is not None
    (height, width), sixteen_bit = first.pixels.shape[:2], conversion.layout.sixteen_bit
    options = session.options
    token = f"client-{secrets.token_hex(4)}"
    film = Film(
        request, tuple(StyleSource.of(style) for style in painting.styles), painting.effects,
        identity, None if options.transfer else str(store.folder), token,
        processors_of_worker(options.spec),
    )  # fmt: skip
    finished: Finished | None = None
    while True:
        client = session.client
        try:
            if finished is None:
                store.settle(store.settled or settle(client, film, height, width, sixteen_bit))
                length = segment_length(conversion.total, math.ceil(session.workers / films), SEGMENT)
                warm_up = _WARM_UP if painting.effects.deflicker else 1
                after = store.segments[-1].last if store.segments else None
                finished = Finished(store, cut(first.time, conversion.rate, conversion.total, length, warm_up, after))
                store.claim()
                done = store.frames
            with _token(store.folder / token):
                yield from Dispatcher(session, film, finished, store.settled, conversion.total, progress).steps()
            break
        except SchedulerGoneError:
            if not session.reconnect(client):
                raise
        except BaseException:
            if finished is not None:
                log.info(f"{finished.frames} frames are kept in {store.folder}: the same command goes on from there")
            raise
    segments = [Part(store.path(number), segment.first) for number, segment in enumerate(store.segments)]
    conversion.output.join(segments, store.frames)
    conversion.output.commit()
    return done


@contextmanager
def _token(path: Path) -> Iterator[None]:
    """While this file is there, workers know that the client is."""
    path.touch()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _absolute(request: Request) -> Request:
    """The same request for processes that run in other folders."""
    return replace(request, input=str(Path(request.input).absolute()), output=str(Path(request.output).absolute()))
