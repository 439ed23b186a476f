"""The three stages: order, backpressure, and the end of all when one fails."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from identity import Frames
from processes import PATIENCE, until

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.channel import Channel, StoppedError
from reconet_cli.stylizing.pipeline import DEPTH, run
from reconet_cli.video.reading.reader import Frame


class Source:
    """Numbered frames; fails at one of them, waits like a stuck pipe at another."""

    size = (4, 2)
    aspect = Fraction(1)

    def __init__(self, count: int, *, fail_at: int = -1, stick_at: int = -1, fail_in_finish: bool = False) -> None:
        self.count, self.fail_at, self.stick_at, self.fail_in_finish = count, fail_at, stick_at, fail_in_finish
        self.given = 0
        self.stuck, self.aborted = threading.Event(), threading.Event()
        self.released = False

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.count):
            if number == self.fail_at:
                raise MediaError("decoder broke")
            if number == self.stick_at:
                self.stuck.set()
                self.aborted.wait(PATIENCE)
                return
            self.given += 1
            yield Frame(np.full((2, 4, 3), number, np.uint8), Fraction(number), Fraction(1))

    def finish(self) -> None:
        if self.fail_in_finish:
            raise MediaError("decoder ended badly")

    def abort(self) -> None:
        self.aborted.set()

    def release(self) -> None:
        self.released = True


class Sink:
    """Remembers what it is given; fails at one frame, waits like a full pipe at another."""

    def __init__(self, *, fail_at: int = -1, stick_at: int = -1, seconds: float = 0) -> None:
        self.fail_at, self.stick_at, self.seconds = fail_at, stick_at, seconds
        self.frames: list[Frame] = []
        self.finished = self.released = False
        self.aborted = threading.Event()

    def write(self, frame: Frame) -> None:
        if len(self.frames) == self.fail_at:
            raise MediaError("encoder broke")
        if len(self.frames) == self.stick_at:
            self.aborted.wait(PATIENCE)
            raise MediaError("encoder was ended")
        time.sleep(self.seconds)
        self.frames.append(frame)

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None:
        self.aborted.set()

    def release(self) -> None:
        self.released = True


def stages() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name in ("decode", "encode")]


def inverted(frame):
    return replace(frame, pixels=255 - frame.pixels)


def test_every_frame_in_order_with_its_time():
    source, sink, seen = Source(30), Sink(), []
    assert run(source, [Frames(inverted)], sink, on_frame=lambda: seen.append(1)) == 30
    assert [int(f.time) for f in sink.frames] == list(range(30))
    assert [255 - int(f.pixels[0, 0, 0]) for f in sink.frames] == list(range(30))
    assert len(seen) == 30
    assert sink.finished
    assert source.released
    assert sink.released
    assert not source.aborted.is_set()
    assert not stages()


def test_stages_overlap():
    """No frame is written before the next one is painted, nor painted before the next one is read."""
    begun = [threading.Event() for _ in range(31)]
    source = Source(31)

    def paint(frame):
        number = int(frame.time)
        begun[number].set()
        until(lambda: source.given > min(number + 1, 30))
        return frame

    class Waiting(Sink):
        def write(self, frame):
            assert begun[min(int(frame.time) + 1, 30)].wait(PATIENCE)
            super().write(frame)

    assert run(source, [Frames(paint)], Waiting()) == 31


def test_lanes_work_at_the_same_time_and_keep_the_order():
    both = threading.Barrier(2)

    def uneven(frame):
        both.wait(PATIENCE)  # raises where no second lane comes
        time.sleep(0.005 if frame.pixels[0, 0, 0] % 2 else 0)
        return frame

    sink = Sink()
    assert run(Source(40), [Frames(uneven, 2)], sink) == 40
    assert [int(frame.pixels[0, 0, 0]) for frame in sink.frames] == list(range(40))
    assert [frame.time for frame in sink.frames] == sorted(frame.time for frame in sink.frames)


def test_memory_is_bounded():
    source = Source(500)
    most = 0

    def watching(frame):
        nonlocal most
        most = max(most, source.given - int(frame.pixels[0, 0, 0]))
        return frame

    sink = Sink(stick_at=0)
    # Long after everything that can be read has been read.
    threading.Timer(0.3, sink.abort).start()
    with pytest.raises(MediaError):
        run(source, [Frames(watching)], sink)
    assert source.given <= 2 * DEPTH + 5
    assert most <= DEPTH + 4


@pytest.mark.parametrize(
    ("source", "sink", "message"),
    [
        (Source(50, fail_at=10), Sink(), "decoder broke"),
        (Source(50, fail_in_finish=True), Sink(), "decoder ended badly"),
        (Source(50), Sink(fail_at=10), "encoder broke"),
        (Source(50, stick_at=10), Sink(fail_at=5), "encoder broke"),
        (Source(50, fail_at=40), Sink(fail_at=5), "encoder broke"),
    ],
)
def test_first_error_ends_everything(source, sink, message):
    with pytest.raises(MediaError, match=message):
        run(source, [Frames(inverted)], sink)
    assert source.aborted.is_set()
    assert sink.aborted.is_set()
    assert not sink.finished
    assert source.released
    assert sink.released
    assert not stages()


@pytest.mark.parametrize("stuck", ["source", "sink"])
def test_error_in_the_network_frees_a_stuck_stage(stuck):
    source = Source(50, stick_at=8 if stuck == "source" else -1)
    sink = Sink(stick_at=0 if stuck == "sink" else -1)

    def broken(frame):
        if frame.pixels[0, 0, 0] == 3:
            raise ValueError("out of memory")
        return frame

    with pytest.raises(ValueError, match="out of memory"):
        run(source, [Frames(broken)], sink)
    assert source.aborted.is_set()
    assert sink.aborted.is_set()
    assert not sink.finished
    assert not stages()


def test_interrupt_while_waiting_for_a_frame():
    source, sink = Source(50, stick_at=5), Sink()

    def interrupt():
        source.stuck.wait(PATIENCE)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run(source, [Frames(inverted)], sink)
    assert source.aborted.is_set()
    assert sink.aborted.is_set()
    assert not sink.finished


def test_channel():
    channel: Channel[int] = Channel(2)
    channel.put(1)
    channel.put(2)
    channel.end()
    assert list(channel) == [1, 2]
    channel.stop()
    with pytest.raises(StoppedError):
        channel.put(3)
    with pytest.raises(StoppedError):
        list(channel)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals for threads")
@pytest.mark.parametrize("stuck", ["source", "paint", "sink"])
def test_an_interrupt_that_wakes_nobody_is_noticed(stuck):
    """The system may tell another thread, or the main one just before it goes to sleep; nothing moves meanwhile."""
    reached, freed = threading.Event(), threading.Event()
    source = Source(20, stick_at=3 if stuck == "source" else -1)
    sink = Sink(stick_at=3 if stuck == "sink" else -1)

    def paint(frame):
        if frame.time >= 2:
            reached.set()
        if stuck == "paint" and frame.time == 3:
            freed.wait(PATIENCE)
        return frame

    def interrupt():
        reached.wait(PATIENCE)
        time.sleep(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        source.aborted.wait(PATIENCE)
        freed.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(source, [Frames(paint)], sink)
    thread.join()
    assert source.aborted.is_set()
