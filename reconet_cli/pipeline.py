"""Read → stylise → write, on threads, so that decoder, network and encoder all work at the same time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from reconet_cli.media.live import Live
from reconet_cli.media.opening import open_job
from reconet_cli.media.reader import Frame, Reader
from reconet_cli.media.request import Request
from reconet_cli.media.writer import Writer

DEPTH = 4  # frames that wait before each of the later stages
_QUEUE_BYTES = 128 << 20  # what they may take, in each queue
_AHEAD = 1  # frames handed to the painting threads beyond their number
# Seconds of a wait after which Python looks for signals: one that comes just before a wait does not end it.
_AWAKE = 0.5
_FAREWELL = 3.0  # seconds that a stage gets to notice the end; one stuck in a foreign pipe is left behind

_TELL_EVERY = 5.0  # seconds between two reports of a live run

T = TypeVar("T")
Paint = Callable[[Frame], Frame]
Ahead = Callable[[Frame], None]
Then = Callable[[Frame, Frame], Frame]


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


class StoppedError(Exception):
    """Raised in a stage when another stage has failed."""


class Channel(Generic[T]):
    """A bounded queue that can be ended by its producer and stopped by anyone."""

    def __init__(self, depth: int) -> None:
        self._items: deque[T] = deque()
        self._depth = depth
        self._ended = False
        self._stopped = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Add an item, waiting for room. Raises StoppedError."""
        with self._changed:
            self._until(lambda: self._stopped or len(self._items) < self._depth)
            if self._stopped:
                raise StoppedError
            self._items.append(item)
            self._changed.notify_all()

    def end(self) -> None:
        """No more items follow."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake and end both sides, whatever is left."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _until(self, ready: Callable[[], bool]) -> None:
        while not self._changed.wait_for(ready, _AWAKE):
            pass

    def __iter__(self) -> Iterator[T]:
        """The items until `end`. Raises StoppedError."""
        while True:
            with self._changed:
                self._until(lambda: self._stopped or self._ended or bool(self._items))
                if self._stopped:
                    raise StoppedError
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


class _Run:
    """The state that the three stages of one run share."""

    def __init__(self, reader: Reader, writer: Writer, depth: int, ahead: Ahead | None, then: Then | None) -> None:
        self.reader = reader
        self.writer = writer
        self.ahead = ahead
        self.then = then
        self.read: Channel[Frame] = Channel(depth)
        self.painted: Channel[tuple[Frame, Frame]] = Channel(depth)
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
            for frame in self.reader:
                if self.ahead:
                    self.ahead(frame)
                self.read.put(frame)
            self.reader.finish()
            self.read.end()
        except StoppedError:
            pass
        except BaseException as error:
            self.fail(error)
        finally:
            self.reader.release()

    def encode(self) -> None:
        try:
            for source, painted in self.painted:
                # Beside the painting threads, because an encoder is a process of its own and this thread only feeds it.
                self.writer.write(self.then(source, painted) if self.then else painted)
            self.writer.finish()
        except StoppedError:
            pass
        except BaseException as error:
            self.fail(error)
        finally:
            self.writer.release()


def _in_order(
    frames: Iterable[Frame], paint: Paint, lanes: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[Frame, Frame]]:
    """Paint frames on a pool's `lanes` threads and give sources and paintings back in their order.

    A few more than can be painted at once are handed over, so that no thread idles while another's frame is awaited.
    """
    waiting: deque[tuple[Frame, Future[Frame]]] = deque()

    def oldest() -> tuple[Frame, Frame]:
        frame, future = waiting.popleft()
        while not future.done():
            wait([future], _AWAKE)
        return frame, future.result()

    for frame in frames:
        waiting.append((frame, pool.submit(paint, frame)))
        if len(waiting) > lanes + _AHEAD:
            yield oldest()
    while waiting:
        yield oldest()


def run(
    reader: Reader,
    paint: Paint,
    writer: Writer,
    *,
    lanes: int = 1,
    depth: int = DEPTH,
    ahead: Ahead | None = None,
    then: Then | None = None,
    on_frame: Callable[[], None] | None = None,
) -> int:
    """Paint every frame of `reader` into `writer` and return their number.

    `paint` is called on `lanes` threads at a time, `ahead` and `then` (see `Painter`) on two others; `on_frame` runs on
    the calling thread, after each frame. The first error of any stage (or KeyboardInterrupt) ends all three, aborts
    reader and writer and is raised; both are finished or aborted on return.
    """
    state = _Run(reader, writer, depth, ahead, then)
    threads = [
        threading.Thread(target=stage, name=name, daemon=True)
        for name, stage in (("decode", state.decode), ("encode", state.encode))
    ]
    pool = ThreadPoolExecutor(lanes, thread_name_prefix="paint")
    count = 0
    try:
        for thread in threads:
            thread.start()
        for pair in _in_order(state.read, paint, lanes, pool):
            state.painted.put(pair)
            count += 1
            if on_frame:
                on_frame()
        state.painted.end()
        while threads[1].is_alive():
            threads[1].join(_AWAKE)
    except StoppedError:
        pass
    except BaseException as error:
        state.fail(error)
    pool.shutdown(wait=False, cancel_futures=True)
    for thread in threads:
        if thread.ident is not None:  # an interrupt may come before it has begun
            thread.join(_FAREWELL)
    state.check()
    return count


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

    ahead, then = paint.ahead, paint.then
    frames = run(live.reader, paint, live.writer, lanes=paint.lanes, depth=1, ahead=ahead, then=then, on_frame=on_frame)
    note(str(live))
    return frames
