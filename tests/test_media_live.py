"""`--live`: frames get through in time, or not at all."""

import os
import queue
import select
import subprocess
import threading
import time
import types
from dataclasses import replace
from fractions import Fraction

import forks
import numpy as np
import pytest
from identity import Frames
from processes import PATIENCE

import reconet_cli.video.reading.live
from reconet_cli.errors import MediaError
from reconet_cli.stylizing.pipeline import run
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.live import Live


class Camera:
    """Numbered frames, each as soon as the one before is taken."""

    size = (4, 2)
    aspect = Fraction(1)

    def __init__(self, count, *, fails=False):
        self.count, self.fails = count, fails
        self.finished = False
        self.stopped = threading.Event()

    def __iter__(self):
        for number in range(self.count):
            if self.stopped.wait(0.001):
                return
            yield self.frame(number)
        if self.fails:
            raise MediaError("unplugged")

    def frame(self, number):
        return Frame(np.full((2, 4, 3), number, np.uint8), Fraction(number), Fraction(1))

    def finish(self):
        self.finished = True

    def abort(self):
        self.stopped.set()

    def release(self):
        pass


class Screen:
    def __init__(self):
        self.shown = []

    def write(self, frame):
        self.shown.append(int(frame.time))

    def finish(self):
        pass

    abort = release = finish


def test_slow_network_drops_frames_and_keeps_the_bound(monkeypatch):
    """A frame every 10 ms and 50 ms to paint one, on a clock that goes by these alone."""
    now, came, late = 0.0, [0.0], {}
    monkeypatch.setattr("reconet_cli.video.reading.live.time", types.SimpleNamespace(monotonic=lambda: now))
    coming, taken = queue.Queue(), threading.Semaphore(0)

    class Timed(Camera):
        def __iter__(self):
            while (number := coming.get(timeout=PATIENCE)) < 100:
                yield self.frame(number)
                taken.release()

    live = Live(Timed(100), Screen(), 0.3)
    coming.put(0)
    for frame in live.reader:
        assert late or taken.acquire(timeout=PATIENCE)
        for _ in range(5):
            now += 0.01
            if len(came) <= 100:
                coming.put(len(came))
                came.append(now)
                assert len(came) > 100 or taken.acquire(timeout=PATIENCE)
        live.writer.write(frame)
        late[int(frame.time)] = now - came[int(frame.time)]
    assert len(late) + live.dropped == 100
    assert 15 < len(late) < 30
    assert max(late[number] for number in late if number < 99) < 0.301
    assert list(late) == sorted(late)
    assert 99 in late  # what is newest gets through
    assert f"{live.dropped} frames dropped" in str(live)
    assert 0.2 < live.latency < 0.31


def test_fast_network_drops_nothing():
    camera, screen = Camera(40), Screen()
    live = Live(camera, screen, PATIENCE)
    assert run(live.reader, [Frames(lambda frame: frame)], live.writer, depth=1) == 40
    assert screen.shown == list(range(40))
    assert live.dropped == 0
    assert camera.finished


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_a_frame_is_shown_as_soon_as_it_is_painted(concurrency):
    """A camera that sends nothing more until the last frame was seen: no later one can push it through."""
    seen, late = threading.Semaphore(1), []

    class Patient(Camera):
        def __iter__(self):
            for number in range(self.count):
                assert seen.acquire(timeout=PATIENCE), "the frame before is held back"
                time.sleep(0.05)
                self.sent = time.monotonic()
                yield self.frame(number)

    class Watched(Screen):
        def write(self, frame):
            late.append(time.monotonic() - camera.sent)
            super().write(frame)
            seen.release()

    camera, screen = Patient(10), Watched()
    live = Live(camera, screen, PATIENCE)
    assert run(live.reader, [Frames(lambda frame: frame, concurrency)], live.writer, depth=1, beyond=0) == 10
    assert screen.shown == list(range(10))
    assert sorted(late)[5] < 0.25  # half of the default bound, on however busy a machine
    assert live.dropped == 0


def test_frames_in_a_pipe_come_out_one_by_one(stylize):
    command = [*stylize, "-", "-", "--live", "--size", "16x8", "--fps", "5"]
    with forks.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        for number in range(4):
            sent = bytes([number]) * (16 * 8 * 3)
            child.stdin.write(sent)
            assert select.select([child.stdout], [], [], PATIENCE)[0], "held back"
            assert child.stdout.read(len(sent)) == sent
        child.stdin.close()
    assert child.returncode == 0


def test_frames_of_y4m_come_out_one_by_one(stylize):
    """Through a decoder and an encoder: neither keeps a frame back, once ffmpeg has seen enough of the input."""
    frame = b"FRAME\n" + bytes([128]) * (64 * 48 * 3 // 2)
    command = [*stylize, "-", "-", "--live", "--latency", "60"]
    with forks.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        child.stdin.write(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420mpeg2\n")
        for number in [8, 1, 1, 1, 1]:
            child.stdin.write(number * frame)
            came = b""
            while came.count(b"FRAME") < number or not came.endswith(frame):
                assert select.select([child.stdout], [], [], PATIENCE)[0], "held back"
                came += child.stdout.read(len(frame))
        child.stdin.close()
    assert child.returncode == 0


def test_frames_of_one_time_stamp_all_get_through():
    class Stuck(Camera):
        def frame(self, number):
            return replace(super().frame(number), time=Fraction(number // 3))

    screen = Screen()
    live = Live(Stuck(9), screen, PATIENCE)
    assert run(live.reader, [Frames(lambda frame: frame)], live.writer, depth=1) == 9
    assert screen.shown == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_what_waits_is_bounded_in_memory(monkeypatch):
    """However late frames may be: of a burst of 100, no more wait than fit beside the one being painted."""
    frame_bytes = 2 * 4 * 3
    monkeypatch.setattr(reconet_cli.video.reading.live, "WAITING_BYTES", 5 * frame_bytes)
    all_sent = threading.Event()

    class Burst(Camera):
        def __iter__(self):
            yield from (self.frame(number) for number in range(self.count))
            all_sent.set()

    def slow(frame):
        assert all_sent.wait(PATIENCE)
        return frame

    screen = Screen()
    live = Live(Burst(100), screen, 3600.0)
    assert run(live.reader, [Frames(slow)], live.writer, depth=1, beyond=0) == 100 - live.dropped
    assert 5 <= len(screen.shown) <= 8
    assert screen.shown[-5:] == list(range(95, 100))


def test_errors_of_the_source_and_of_painting_end_everything():
    live = Live(Camera(5, fails=True), Screen(), 0.3)
    with pytest.raises(MediaError, match="unplugged"):
        run(live.reader, [Frames(lambda frame: frame)], live.writer, depth=1)
    camera = Camera(10**6)
    live = Live(camera, Screen(), 0.3)

    def broken(frame):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run(live.reader, [Frames(broken)], live.writer, depth=1)
    assert camera.stopped.is_set()


def test_command_tells_latency_and_dropped_frames(tools, clip, stylize, tmp_path):
    done = forks.run([*stylize, str(clip), str(tmp_path / "out.mkv"), "--live", "--latency", "0.2"],
        capture_output=True, timeout=PATIENCE, env={**os.environ, "RECONET_TEST_DELAY": "0.4"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stderr.decode()
    dropped = int(said.split(" frames dropped")[0].split()[-1])
    times = tools.times(tmp_path / "out.mkv")
    assert dropped > 0
    assert len(times) + dropped == 25
    steps = (np.array(times) - times[0]) * 25
    assert np.allclose(steps, np.round(steps), atol=0.1)  # each at its own time
