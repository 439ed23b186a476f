"""Decode → stages → encode, on threads, so that decoder, network and encoder all work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any

from reconet_cli.stylizing.channel import AWAKE, Channel, StoppedError
from reconet_cli.stylizing.stage import Stage, concurrency, parallel
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.reader import Reader
from reconet_cli.video.writing.writer import Writer

DEPTH = 4  # frames that wait before each of the later stages
_BEYOND = 1  # frames handed to the painting threads beyond their number, so that none of them idles
_FAREWELL = 3.0  # seconds that a stage gets to notice the end; one stuck in a foreign pipe is left behind

# A frame that was read, and what each stage has prepared for it.
_Read = tuple[Frame, list[Any]]
# The same, with the picture that the stages without order make of it.
_Painted = tuple[Frame, list[Any], Future[Frame]]


class _Run:
    """The state that the stages of one run share.

    At most `depth` frames wait to be painted, and as many paintings to be written; `busy` frames are being painted, or
    are next for that.
    """

    def __init__(self, reader: Reader, stages: list[Stage], writer: Writer, depth: int, busy: int) -> None:
        self.reader = reader
        self.writer = writer
        self.stages = stages
        self.count = 0
        self.read: Channel[_Read] = Channel(depth)
        # Paintings are put in while they are made, so each is handed on as soon as it and all before it are done.
        self.painted: Channel[_Painted] = Channel(depth + busy, ready=lambda work: work[2].done())
        self._parallel = slice(0, parallel(stages))
        self._in_order = slice(parallel(stages), None)
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
                self.read.put((frame, [stage.prepare(frame) for stage in self.stages]))
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
        work = iter(self.read)
        while True:
            self.painted.wait_for_room(lambda: self._unfinished < self._busy)
            if (read := next(work, None)) is None:
                break
            with self._lock:
                self._unfinished += 1
            frame, prepared = read
            future = pool.submit(self._apply, self._parallel, frame, frame, prepared)
            self.painted.put((frame, prepared, future))
            future.add_done_callback(self._finished)
        self.painted.end()

    def _finished(self, future: Future[Frame]) -> None:
        with self._lock:
            self._unfinished -= 1
        # At once, whatever is still to be written: that may be stuck.
        if not future.cancelled() and (error := future.exception()):
            self.fail(error)
        self.painted.wake()

    def _apply(self, which: slice, source: Frame, painted: Frame, prepared: list[Any]) -> Frame:
        for stage, ready in zip(self.stages[which], prepared[which], strict=True):
            painted = stage.apply(source, painted, ready)
        return painted

    def encode(self, on_frame: Callable[[], None]) -> None:
        try:
            for source, prepared, future in self.painted:
                # Beside the painting threads, because an encoder is a process of its own and this thread only feeds it.
                self.writer.write(self._apply(self._in_order, source, future.result(), prepared))
                self.count += 1
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
    stages: list[Stage],
    writer: Writer,
    *,
    depth: int = DEPTH,
    beyond: int = _BEYOND,
    on_frame: Callable[[], None] = lambda: None,
) -> int:
    """Send every frame of `reader` through `stages` into `writer` and return their number.

    Stages before the first that needs an order run on several threads (see `Stage`), the others on the writing thread,
    where `on_frame` follows each frame that is written. `depth` frames wait before painting and as many before writing,
    `beyond` are handed to the painting threads beyond their number. The first error of any stage (or KeyboardInterrupt)
    ends all, aborts reader and writer and is raised; both are finished or aborted on return.
    """
    threads_to_paint = concurrency(stages)
    state = _Run(reader, stages, writer, depth, threads_to_paint + beyond)
    threads = [
        threading.Thread(target=state.decode, name="decode", daemon=True),
        threading.Thread(target=state.encode, args=[on_frame], name="encode", daemon=True),
    ]
    pool = ThreadPoolExecutor(threads_to_paint, thread_name_prefix="paint")
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
