"""Read → stylise → write, on threads, so that decoder, network and encoder all work at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from reconet_cli.channel import AWAKE, Channel, StoppedError
from reconet_cli.media.live import Live
from reconet_cli.media.opening import open_job
from reconet_cli.media.reader import Frame, Reader
from reconet_cli.media.request import Request
from reconet_cli.media.writer import Writer

DEPTH = 4  # frames that wait before each of the later stages
_QUEUE_BYTES = 128 << 20  # what they may take, in each queue
_BEYOND = 1  # frames handed to the painting threads beyond their number, so that none of them idles
_FAREWELL = 3.0  # seconds that a stage gets to notice the end; one stuck in a foreign pipe is left behind

_TELL_EVERY = 5.0  # seconds between two reports of a live run

Paint = Callable[[Frame], Frame]
Ahead = Callable[[Frame], None]
Then = Callable[[Frame, Frame], Frame]
_Pair = tuple[Frame, Future[Frame]]


class Painter(Protocol):
    """Paints frames, all to one size; may be called on `lanes` threads at the same time.

    `ahead`, if any, sees each source frame before it is painted, and `then` makes what is written from each source
    frame and its painting: both in order, on the reading and on the writing thread.
    """

    lanes: int

    @property
    def ahead(self) -> Ahead | None: ...

    @property
    def then(self) -> Then | None: ...

    def __call__(self, frame: Frame) -> Frame: ...


@dataclass(frozen=True)
class _Stages:
    """What is done with each frame; see `run`."""

    paint: Paint
    ahead: Ahead | None
    then: Then | None
    on_frame: Callable[[], None] | None


class _Run:
    """The state that the stages of one run share.

    At most `depth` frames wait to be painted, and as many paintings to be written; `busy` frames are being painted, or
    are next for that.
    """

    def __init__(self, reader: Reader, painter: _Stages, writer: Writer, depth: int, busy: int) -> None:
        self.reader = reader
        self.writer = writer
        self.painter = painter
        self.count = 0
        self.read: Channel[Frame] = Channel(depth)
        # Paintings are put in while they are made, so each is handed on as soon as it and all before it are done.
        self.painted: Channel[_Pair] = Channel(depth + busy, ready=lambda pair: pair[1].done())
        self._busy = busy
        self._unfinished = 0
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    def fail(self, error: BaseException) -> None:
        """Keep the first error, and stop every stage: queues, then the processes that stages may wait for."""
        with self._lock:
            if self._error is not None:
                return
            self._error = error
        self.read.stop()
        self.painted.stop()
        self.reader.abort()
        self.writer.abort()

    def check(self) -> None:
        """Raise the error that stopped the run, if any."""
        if self._error is not None:
            raise self._error

    def decode(self) -> None:
        try:
            frames = iter(self.reader)
            while True:
                # First of all, because a live reader drops frames that wait in it, and nowhere else.
                self.read.wait_for_room()
                if (frame := next(frames, None)) is None:
                    break
                if self.painter.ahead:
                    self.painter.ahead(frame)
                self.read.put(frame)
            self.reader.finish()
            self.read.end()
        except StoppedError:
            pass
        except BaseException as error:
            self.fail(error)
        finally:
            self.reader.release()

    def paint(self, pool: ThreadPoolExecutor) -> None:
        """Hand every frame to the painting threads, on the thread that waits for the run's end."""
        frames = iter(self.read)
        while True:
            self.painted.wait_for_room(lambda: self._unfinished < self._busy)
            if (frame := next(frames, None)) is None:
                break
            with self._lock:
                self._unfinished += 1
            future = pool.submit(self.painter.paint, frame)
            self.painted.put((frame, future))
            future.add_done_callback(self._finished)
        self.painted.end()

    def _finished(self, future: Future[Frame]) -> None:
        with self._lock:
            self._unfinished -= 1
        # At once, whatever is still to be written: that may be stuck.
        if not future.cancelled() and (error := future.exception()):
            self.fail(error)
        self.painted.wake()

    def encode(self) -> None:
        then, on_frame = self.painter.then, self.painter.on_frame
        try:
            for source, future in self.painted:
                painted = future.result()
                # Beside the painting threads, because an encoder is a process of its own and this thread only feeds it.
                self.writer.write(then(source, painted) if then else painted)
                self.count += 1
                if on_frame:
                    on_frame()
            self.writer.finish()
        except (StoppedError, CancelledError):
            pass
        except BaseException as error:
            self.fail(error)
        finally:
            self.writer.release()


def run(
    reader: Reader,
    paint: Paint,
    writer: Writer,
    *,
    lanes: int = 1,
    depth: int = DEPTH,
    beyond: int = _BEYOND,
    ahead: Ahead | None = None,
    then: Then | None = None,
    on_frame: Callable[[], None] | None = None,
) -> int:
    """Paint every frame of `reader` into `writer` and return their number.

    `paint` is called on `lanes` threads at a time, `ahead` and `then` (see `Painter`) on two others; `on_frame` follows
    each frame that is written, on the same thread as `then`. `depth` frames wait before painting and as many before
    writing, `beyond` are handed to the painting threads beyond their number. The first error of any stage (or
    KeyboardInterrupt) ends all, aborts reader and writer and is raised; both are finished or aborted on return.
    """
    state = _Run(reader, _Stages(paint, ahead, then, on_frame), writer, depth, lanes + beyond)
    threads = [
        threading.Thread(target=stage, name=name, daemon=True)
        for name, stage in (("decode", state.decode), ("encode", state.encode))
    ]
    pool = ThreadPoolExecutor(lanes, thread_name_prefix="paint")
    try:
        for thread in threads:
            thread.start()
        state.paint(pool)
        while threads[1].is_alive():
            threads[1].join(AWAKE)
    except StoppedError:
        pass
    except BaseException as error:
        state.fail(error)
    pool.shutdown(wait=False, cancel_futures=True)
    for thread in threads:
        if thread.ident is not None:  # an interrupt may come before it has begun
            thread.join(_FAREWELL)
    state.check()
    return state.count


@dataclass(frozen=True)
class Outcome:
    """What was done: frames, the seconds that took from the first to the last, and (width, height)."""

    frames: int
    seconds: float
    size: tuple[int, int]


def stylize(
    request: Request,
    load: Callable[[int, int, bool], Painter],
    *,
    note: Callable[[str], None],
    progress: Callable[[int | None], AbstractContextManager[Callable[[], None]]],
) -> Outcome:
    """Paint what `request` names, with the painter that `load(height, width, deep)` gives for the frames' size.

    `deep` frames are uint16, others uint8.
    `note` is called with each sentence for the user; `progress(total)` (None: unknown) is entered around the
    work and gives a function to call after each frame. Raises ReconetError; nothing is left behind then.
    """
    with open_job(request) as job:
        width, height = job.reader.size
        writer = job.writer()
        for sentence in job.notes:
            note(sentence)
        paint = load(height, width, job.layout.deep)
        with progress(job.total) as advance:
            began = time.perf_counter()
            if request.latency:
                frames = _run_live(Live(job.reader, writer, request.latency), paint, advance, note)
            else:
                frames = run(
                    job.reader,
                    paint,
                    writer,
                    lanes=paint.lanes,
                    depth=_depth(width * height * (6 if job.layout.deep else 3)),
                    ahead=paint.ahead,
                    then=paint.then,
                    on_frame=advance,
                )
            seconds = time.perf_counter() - began
        job.commit()
        for sentence in job.afterwards(frames):
            note(sentence)
        return Outcome(frames, seconds, (width, height))


def _depth(frame_bytes: int) -> int:
    """How many frames may wait: fewer of large ones."""
    return max(1, min(DEPTH, _QUEUE_BYTES // frame_bytes))


def _run_live(live: Live, paint: Painter, advance: Callable[[], None], note: Callable[[str], None]) -> int:
    """Run with queues as short as can be, telling now and then how late the frames are."""
    told = time.monotonic()

    def on_frame() -> None:
        nonlocal told
        advance()
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            note(str(live))

    frames = run(
        live.reader,
        paint,
        live.writer,
        lanes=paint.lanes,
        depth=1,
        beyond=0,
        ahead=paint.ahead,
        then=paint.then,
        on_frame=on_frame,
    )
    note(str(live))
    return frames
