"""`--live`: frames get through in time, or not at all."""

import os
import subprocess
import threading
import time
from fractions import Fraction

import numpy as np
import pytest

from reconet_cli.errors import MediaError
from reconet_cli.media.live import Live
from reconet_cli.media.pixels import Frame
from reconet_cli.pipeline import run


class Camera:
    """Numbered frames at a pace, whether they are wanted or not; it remembers when each came."""

    size = (4, 2)
    aspect = Fraction(1)

    def __init__(self, count, seconds, *, fails=False):
        self.count, self.seconds, self.fails = count, seconds, fails
        self.came = {}
        self.finished = False
        self.stopped = threading.Event()

    def __iter__(self):
        for number in range(self.count):
            if self.stopped.wait(self.seconds):
                return
            self.came[number] = time.monotonic()
            yield Frame(np.full((2, 4, 3), number, np.uint8), Fraction(number), Fraction(1))
        if self.fails:
            raise MediaError("unplugged")

    def finish(self):
        self.finished = True

    def abort(self):
        self.stopped.set()

    def release(self):
        pass


class Screen:
    def __init__(self):
        self.shown = {}

    def write(self, frame):
        self.shown[int(frame.time)] = time.monotonic()

    def finish(self):
        pass

    abort = release = finish


def painter(seconds):
    def paint(frame):
        time.sleep(seconds)
        return frame

    return paint


def test_slow_network_drops_frames_and_keeps_the_bound():
    camera, screen = Camera(100, 0.01), Screen()
    live = Live(camera, screen, 0.3)
    frames = run(live.reader, painter(0.05), live.writer, depth=1)
    late = [screen.shown[number] - camera.came[number] for number in screen.shown]
    assert frames == len(screen.shown)
    assert live.dropped + frames == 100
    assert live.dropped > 50
    assert max(late[len(late) // 3 :]) < 0.45  # once the pace of painting is known
    assert list(screen.shown) == sorted(screen.shown)
    assert 99 in screen.shown  # what is newest gets through
    assert camera.finished
    assert f"{live.dropped} frames dropped" in str(live)


def test_fast_network_drops_nothing():
    camera, screen = Camera(40, 0.01), Screen()
    live = Live(camera, screen, 0.5)
    assert run(live.reader, painter(0.001), live.writer, depth=1) == 40
    assert live.dropped == 0
    assert live.latency < 0.2


def test_errors_of_the_source_and_of_painting_end_everything():
    live = Live(Camera(5, 0.01, fails=True), Screen(), 0.3)
    with pytest.raises(MediaError, match="unplugged"):
        run(live.reader, painter(0), live.writer, depth=1)
    camera = Camera(10_000, 0.01)
    live = Live(camera, Screen(), 0.3)

    def broken(frame):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run(live.reader, broken, live.writer, depth=1)
    assert camera.stopped.is_set()


def test_command_tells_latency_and_dropped_frames(tools, clip, stylize, tmp_path):
    done = subprocess.run(
        [*stylize, str(clip), str(tmp_path / "out.mkv"), "--live", "--latency", "0.2"],
        capture_output=True, timeout=60, env={**os.environ, "RECONET_TEST_DELAY": "0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stderr.decode()
    dropped = int(said.split(" frames dropped")[0].split()[-1])
    times = tools.times(tmp_path / "out.mkv")
    assert dropped > 5
    assert len(times) + dropped == 25
    steps = (np.array(times) - times[0]) * 25
    assert np.allclose(steps, np.round(steps), atol=0.1)  # each at its own time
