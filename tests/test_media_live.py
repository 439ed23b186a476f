"""`--live`: frames get through in time, or not at all."""

import os
import queue
import subprocess
import threading
import types
from fractions import Fraction

import numpy as np
import pytest
from processes import PATIENCE

from reconet_cli.errors import MediaError
from reconet_cli.media.live import Live
from reconet_cli.media.pixels import Frame
from reconet_cli.pipeline import run


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
    monkeypatch.setattr("reconet_cli.media.live.time", types.SimpleNamespace(monotonic=lambda: now))
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
    assert run(live.reader, lambda frame: frame, live.writer, depth=1) == 40
    assert screen.shown == list(range(40))
    assert live.dropped == 0
    assert camera.finished


def test_errors_of_the_source_and_of_painting_end_everything():
    live = Live(Camera(5, fails=True), Screen(), 0.3)
    with pytest.raises(MediaError, match="unplugged"):
        run(live.reader, lambda frame: frame, live.writer, depth=1)
    camera = Camera(10**6)
    live = Live(camera, Screen(), 0.3)

    def broken(frame):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run(live.reader, broken, live.writer, depth=1)
    assert camera.stopped.is_set()


def test_command_tells_latency_and_dropped_frames(tools, clip, stylize, tmp_path):
    done = subprocess.run(
        [*stylize, str(clip), str(tmp_path / "out.mkv"), "--live", "--latency", "0.2"],
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
