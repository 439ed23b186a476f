"""How late `reconet live` is: a camera that shows a clock, and the window that shows it painted.

    python benchmarks/live_latency.py

The camera is a stream of y4m frames of 640×360 over TCP, 30 a second. Each frame carries the time at which it was made,
as rows of light and dark squares, twice: once as it is, and once inverted, so that no painting can make it unreadable
unnoticed. The window opens on Xvfb (Debian: `apt-get install xvfb`), whose picture is a file in memory. That file is
read all the time; when a new clock is seen there, the time that has passed since is the latency: of transport,
decoding, painting, drawing and the window system together, all but a real camera's and a real screen's own.
"""

from __future__ import annotations

import argparse
import mmap
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import reconet_cli as reconet

_WIDTH, _HEIGHT, _RATE = 640, 360, 30
_BITS, _SQUARE = 20, 24  # a clock of a million milliseconds; the side of a square in pixels
_TOP = 200  # where the two rows begin: the text of the window lies elsewhere
_LEFT = 40
_DARK, _LIGHT = 40, 215


def camera(server: socket.socket, scene: np.ndarray, ended: threading.Event) -> None:
    """Send y4m to whoever connects, each frame with its time, until nobody reads any more."""
    connection, _ = server.accept()
    chroma = np.full(_WIDTH * _HEIGHT // 2, 128, np.uint8).tobytes()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.sendall(f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F{_RATE}:1 Ip A1:1 C420jpeg\n".encode())
            due = time.monotonic()
            while not ended.is_set():
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due + 1 / _RATE, time.monotonic() - 1 / _RATE)
                connection.sendall(b"FRAME\n" + with_clock(scene, clock()).tobytes() + chroma)
        except OSError:
            pass


def clock() -> int:
    """Milliseconds, of which the clock shows the last _BITS bits."""
    return int(time.monotonic() * 1000) % (1 << _BITS)


def with_clock(scene: np.ndarray, now: int) -> np.ndarray:
    """Luma with a clock in it, as a Gray code."""
    luma: np.ndarray = scene.copy()
    code = now ^ (now >> 1)
    for bit in range(_BITS):
        x = _LEFT + bit * _SQUARE
        light = code >> bit & 1
        luma[_TOP : _TOP + _SQUARE, x : x + _SQUARE] = _LIGHT if light else _DARK
        luma[_TOP + _SQUARE : _TOP + 2 * _SQUARE, x : x + _SQUARE] = _DARK if light else _LIGHT
    return luma


def read_clock(luma: np.ndarray) -> int | None:
    """The time that a picture shows; None where a square and its opposite look alike."""
    rows = luma[_TOP : _TOP + 2 * _SQUARE, _LEFT : _LEFT + _BITS * _SQUARE].astype(np.float32)
    edge = _SQUARE // 4
    squares = rows.reshape(2, _SQUARE, _BITS, _SQUARE)[:, edge:-edge, :, edge:-edge].mean(axis=(1, 3))
    difference = squares[0] - squares[1]
    if np.abs(difference).min() < 12:
        return None
    code = sum(1 << bit for bit in range(_BITS) if difference[bit] > 0)
    now = 0
    while code:
        now ^= code
        code >>= 1
    return now


class Screen:
    """The picture of an Xvfb, as luma."""

    def __init__(self, folder: Path) -> None:
        file = folder / "Xvfb_screen0"
        while not file.exists() or not file.stat().st_size:
            time.sleep(0.05)
        with file.open("rb") as opened:
            self._memory = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        head = struct.unpack(">25I", self._memory[:100])  # of an X window dump
        self._start = head[0] + head[19] * 12
        self._width, self._height, self._line = head[4], head[5], head[12]

    def luma(self) -> np.ndarray:
        """What is shown, (H, W), by its green; all but the rows of the clock are left black, which is faster."""
        pixels = np.frombuffer(self._memory, np.uint8, self._line * self._height, self._start)
        part = pixels.reshape(self._height, -1, 4)[_TOP : _TOP + 2 * _SQUARE, :_WIDTH, 1]
        luma = np.zeros((_HEIGHT, _WIDTH), np.uint8)
        luma[_TOP : _TOP + 2 * _SQUARE] = part
        return luma


def watch(screen: Screen, seconds: float, process: subprocess.Popen[bytes]) -> tuple[list[float], int]:
    """The latencies in milliseconds of all clocks that are seen, and how often none could be read."""
    found: list[float] = []
    last, unread = None, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.002)
        now, shown = clock(), read_clock(screen.luma())
        late = (now - shown) % (1 << _BITS) if shown is not None else None
        # A picture that is half drawn may show anything.
        if late is None or late > 5000:
            unread += 1
        elif shown != last:
            found.append(late)
            last = shown
    return found, unread


def scene_of(clip: Path) -> np.ndarray:
    """The luma of a clip's first frame, something to paint."""
    with reconet.open_video(clip, size=(_WIDTH, _HEIGHT)) as video:
        luma: np.ndarray = next(iter(video)).pixels.mean(axis=2).astype(np.uint8)
        return luma


def main() -> int:
    """Print the latencies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=Path(__file__).parents[1] / "examples/clip.mp4")
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--display", default=":94", help="the display that Xvfb makes")
    parser.add_argument("more", nargs="*", help="options of `reconet live`, behind --")
    args = parser.parse_args()
    scene, ended = scene_of(args.clip), threading.Event()
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=camera, args=[server, scene, ended], daemon=True).start()
        display = subprocess.Popen(
            ["Xvfb", args.display, "-screen", "0", f"{_WIDTH}x{_HEIGHT}x24", "-fbdir", folder],
            stderr=subprocess.DEVNULL,
        )
        screen = Screen(Path(folder))
        command = [sys.executable, "-m", "reconet_cli", "-q", "live", f"tcp://127.0.0.1:{port}", "--style", args.style]
        process = subprocess.Popen([*command, *args.more], env={**os.environ, "DISPLAY": args.display})
        try:
            while process.poll() is None and read_clock(screen.luma()) is None:
                time.sleep(0.1)
            watch(screen, 3, process)  # the first frames have waited for the network
            found, unread = watch(screen, args.seconds, process)
        finally:
            ended.set()
            process.terminate()
            process.wait()
            display.terminate()
            display.wait()
    if not found:
        print("no clock was seen")
        return 1
    worst = statistics.quantiles(found, n=20)[-1]
    middle, rate = statistics.median(found), len(found) / args.seconds
    print(f"{args.style} at {_WIDTH}x{_HEIGHT}: {len(found)} frames in {args.seconds:g} s ({rate:.1f} fps)")
    print(f"latency: median {middle:.0f} ms, least {min(found):.0f} ms, 95 of 100 within {worst:.0f} ms")
    print(f"unreadable clocks: {unread}; load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
