"""`reconet live`: what keys do, the loop without a window, and once with one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from conftest import IDENTITY, Engine
from processes import PATIENCE, until

from reconet_cli import cli
from reconet_cli.engines import LoadedStyle
from reconet_cli.errors import MediaError
from reconet_cli.stylizing.live.controls import Controls
from reconet_cli.stylizing.live.newest import Newest
from reconet_cli.stylizing.live.overlay import Rate, with_text
from reconet_cli.stylizing.live.painting import Painting
from reconet_cli.stylizing.live.show import Show
from reconet_cli.stylizing.live.sinks import Recording, VirtualCamera
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.inputs.cameras import camera_named, with_hint
from reconet_cli.video.open_video import open_video
from reconet_cli.video.request import Request

SIZE = (96, 64)


def frame(number: int, level: int = 100) -> Frame:
    return Frame(np.full((SIZE[1], SIZE[0], 3), level, np.uint8), Fraction(number, 25), Fraction(1, 25))


def test_keys():
    controls = Controls(styles=3)
    for key, style in (("n", 1), ("right", 2), (" ", 0), ("p", 2), ("left", 1)):
        controls.press(key)
        assert controls.style == style
    for key, strength in (("+", 1), ("-", 0.9), ("down", 0.8), ("up", 0.9), ("=", 1)):
        controls.press(key)
        assert controls.strength == strength
    controls.press("o")
    assert controls.original
    controls.press("n")  # who asks for a style wants to see it
    assert not controls.original
    for key, name in (("f", "full_screen"), ("s", "still"), ("x", ""), ("q", "ended")):
        controls.press(key)
        assert not name or getattr(controls, name)


def test_text_lies_in_its_corners():
    plain = frame(0).pixels
    shown = with_text(plain, ["mosaic   24 fps"], "q quit")
    assert (shown != plain).any(axis=2)[:20].any()
    assert (shown != plain).any(axis=2)[-20:].any()
    assert np.array_equal(shown[25:40], plain[25:40])
    rate = Rate()
    assert [round(rate(number / 20)) for number in range(60)][-1] == 20


class Screen:
    """Shows nothing; gives a list of keys for each frame."""

    def __init__(self, keys: list[list[str]]) -> None:
        self.keys = keys
        self.shown: list[np.ndarray] = []
        self.full: list[bool] = []
        self.closed = False
        self._now: list[str] = []

    def show(self, pixels: np.ndarray) -> None:
        self.shown.append(pixels)
        self._now += self.keys.pop(0) if self.keys else ["q"]

    def key(self) -> str | None:
        return self._now.pop(0) if self._now else None

    def fill_screen(self, full: bool) -> None:
        self.full.append(full)


class Sink:
    def __init__(self) -> None:
        self.levels: list[int] = []

    def write(self, frame: Frame) -> None:
        self.levels.append(int(frame.pixels[32, 50, 0]))


@pytest.fixture
def painting(identity, tmp_path, monkeypatch) -> Painting:
    """Paints white, or black as the second style; stills are saved in an empty folder."""
    monkeypatch.chdir(tmp_path)
    levels = iter((250, 0))

    def load(path, size, sixteen_bit, options):
        level = next(levels)
        return Engine(lambda pixels: np.full_like(pixels, level))

    identity(load)
    painting = Painting([LoadedStyle(IDENTITY), LoadedStyle(IDENTITY)], SIZE)
    painting.wait(0)
    painting.wait(1)
    return painting


def paced(count: int):
    for number in range(count):
        yield frame(number)
        time.sleep(0.02)


def test_the_loop_shows_what_keys_ask_for(painting, tmp_path):
    screen, sink = Screen([["-"], ["n"], ["o"], ["o", "f"], ["s"], ["s"], []]), Sink()
    controls = Controls(2)
    with open_video_of(200) as newest:
        shown = Show(painting, screen, [sink], controls, ["white", "black"]).run(newest)
    # At 90% strength black over gray is 10.
    assert sink.levels == [250, 235, 10, 100, 10, 10, 10, 10][: len(sink.levels)]
    assert shown == len(sink.levels) == len(screen.shown) >= 6
    assert screen.full == [True]
    stills = sorted(tmp_path.glob("reconet-*.png"))
    assert len(stills) == 2
    assert cv2.imread(str(stills[0])).max() == 10  # without the text
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []


def open_video_of(count: int):
    return nullcontext(Newest(paced(count)))


def test_a_style_that_is_still_loading_lets_the_last_one_paint(identity):
    go = threading.Event()

    def load(path, size, sixteen_bit, options):
        if not loaded:
            loaded.append(1)
            return Engine(lambda pixels: np.full_like(pixels, 1))
        go.wait(PATIENCE)
        return Engine(lambda pixels: np.full_like(pixels, 2))

    loaded: list[int] = []
    identity(load)
    painting = Painting([LoadedStyle(IDENTITY), LoadedStyle(IDENTITY)], SIZE)
    painting.wait(0)
    assert painting(frame(0), 0, 1.0).pixels[0, 0, 0] == 1
    assert painting(frame(0), 1, 1.0).pixels[0, 0, 0] == 1
    go.set()
    painting.wait(1)
    assert painting(frame(0), 1, 1.0).pixels[0, 0, 0] == 2


def test_the_loop_ends_with_the_source_or_its_error(painting):
    def broken():
        yield frame(0)
        raise MediaError("unplugged")

    endless = [[]] * 1000
    assert Show(painting, Screen(list(endless)), [], Controls(2), ["a", "b"]).run(Newest(paced(3))) <= 3
    with pytest.raises(MediaError, match="unplugged"):
        Show(painting, Screen(list(endless)), [], Controls(2), ["a", "b"]).run(Newest(broken()))


def test_the_newest_frame_wins(tools):
    newest = Newest([frame(number, number) for number in range(5)])
    newest.join(PATIENCE)
    shown = newest.take(0)
    assert shown is not None
    assert shown.pixels[0, 0, 0] == 4
    assert newest.ended
    began = time.monotonic()
    with open_video(tools.clip(seconds=3, sound=()), live=True) as video:
        assert sum(1 for _ in video) == 75
    assert time.monotonic() - began > 1.5  # a file takes its time, but for a beginning that ffmpeg sends at once


def test_recording(tools, tmp_path):
    target = tmp_path / "out.mkv"
    with Recording(Request("", str(target), codec="ffv1"), SIZE, Fraction(25)) as recording:
        for number in (0, 1, 2, 5, 6):  # two were not shown
            recording.write(frame(number, 10 * number))
            time.sleep(0.05)
        assert not target.exists()
    assert tools.times(target) == pytest.approx([0, 0.04, 0.08, 0.2, 0.24], abs=0.002)
    assert tools.pixels(target)[:, 0, 0, 0].tolist() == pytest.approx([0, 10, 20, 50, 60], abs=2)


def test_virtual_camera(monkeypatch):
    sent = []

    class Camera:
        device = "fake"

        def __init__(self, width: int, height: int, rate: float) -> None:
            if width > 1000:
                raise RuntimeError("'v4l2loopback' backend: nothing found\nmore")
            self.size = (width, height, rate)

        def send(self, pixels: np.ndarray) -> None:
            sent.append(pixels.shape)

        def close(self) -> None:
            sent.append("closed")

    module = ModuleType("pyvirtualcam")
    module.Camera = Camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    with VirtualCamera(SIZE, Fraction(25)) as camera:
        camera.write(frame(0))
    assert sent == [(64, 96, 3), "closed"]
    with pytest.raises(MediaError, match=r"no virtual camera: 'v4l2loopback' backend: nothing found \(") as problem:
        VirtualCamera((1280, 720), Fraction(25))
    assert "modprobe" in problem.value.hint


def test_cameras_by_number_and_their_hints():
    if sys.platform == "linux":
        assert camera_named("1") == "v4l2:/dev/video1"
        assert camera_named("/dev/video0") == "v4l2:/dev/video0"
    assert camera_named("clip.mp4") == "clip.mp4"
    for words, hint in (("/dev/video0: Device or resource busy", "another program"), ("No such file", "plugged in")):
        assert hint in with_hint(MediaError(words)).hint


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["v4l2:/dev/video97"], "/dev/video97", "plugged in"), (["missing.mp4"], "missing.mp4: No such file", ""),
        (["clip.mp4"], "there is no display", "DISPLAY"), (["clip.mp4", "--record", "-"], "no video file", "out.mp4"),
        (["clip.mp4", "--record", "clip.mp4", "-y"], "clip.mp4", ""),
        (["clip.mp4", "--record", "there.mp4"], "is there already", ""),
        (["clip.mp4", "--virtual-camera"], "pyvirtualcam", 'pip install "reconet[live]"'),
    ],
)  # fmt: skip
def test_problems_are_told_in_a_line(capfd, identity, monkeypatch, clip, tmp_path, arguments, message, hint):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    shutil.copy(clip, "clip.mp4")
    shutil.copy(clip, "there.mp4")
    assert cli.run(["live", *arguments, "--style", IDENTITY]) == 1
    said = capfd.readouterr().err
    assert message in said
    assert hint in said
    assert "Traceback" not in said


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs Xvfb")
def test_in_a_window(stylize, tools, tmp_path):
    """A real window on a display of its own: it shows the clip, and Ctrl-C leaves a whole recording."""
    clip = tools.clip("long.mp4", seconds=60, sound=())
    reading, writing = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "320x240x24", "-fbdir", str(tmp_path)],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    ) as display:  # fmt: skip
        os.close(writing)
        try:
            with os.fdopen(reading) as told:
                environment = {**os.environ, "DISPLAY": f":{told.readline().strip()}"}
            command = ["live" if word == "stylize" else word for word in stylize]
            with subprocess.Popen(
                [*command, str(clip), "--record", str(tmp_path / "out.mp4")], env=environment,
                stderr=subprocess.PIPE, text=True,
            ) as process:  # fmt: skip
                screen = tmp_path / "Xvfb_screen0"
                until(lambda: np.fromfile(screen, np.uint8)[4096:].max() > 100, process)
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                _, told_there = process.communicate(timeout=PATIENCE)
        finally:
            display.terminate()
    assert process.returncode == 130
    assert "Traceback" not in told_there
    assert len(tools.times(Path(tmp_path / "out.mp4"))) > 2
