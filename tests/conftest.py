"""An isolated environment for every test, and small clips made with the real ffmpeg."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from processes import PATIENCE

from reconet_cli.engines import register_engine, unregister_engine
from reconet_cli.engines.kinds import Loader
from reconet_cli.video.ffmpeg.locate import bundled_ffmpeg, find_ffmpeg
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import file_source

# A suite that a shell has started in the background ignores Ctrl-C, and so would every command that it tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # as nohup has it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Workers that run side by side would only wait for each other's spinning threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A loaded machine is no failure, and a failure must come back when the test is run again.
hypothesis.settings.register_profile("reconet", deadline=None, derandomize=True)
hypothesis.settings.load_profile("reconet")

# Which ffmpeg the tests run on.
FFMPEG = find_ffmpeg()
# The wheel's starts in a fifth of the time of a distribution's, which loads hundreds of libraries. It makes the clips
# and looks at results. Where a test is not about ffmpeg it also paints, unless another one is asked for.
QUICK = bundled_ffmpeg() or FFMPEG
PAINTING = FFMPEG if os.environ.get("RECONET_FFMPEG") else QUICK
ABOUT_FFMPEG = (
    "test_media_color",
    "test_media_files",
    "test_keeping",
    "test_lists",
    "test_one_clock",
    "test_imitations",
)

# `reconet` with a style that changes nothing, in a process of its own. RECONET_TEST_DELAY slows it down; at
# frame RECONET_TEST_STOP, with more to come than queues hold, it waits until reading is given up.
DRIVER = """
import os, sys, threading, time
from reconet_cli.engines import register_engine
class Identity:
    description = "identity"
    precision = "exact"
    concurrency = 1
    count = 0
    def __call__(self, frame):
        self.count += 1
        time.sleep(float(os.environ.get("RECONET_TEST_DELAY", "0")))
        patience = time.monotonic() + 60
        while str(self.count) == os.environ.get("RECONET_TEST_STOP") and time.monotonic() < patience and any(
            thread.name == "decode" for thread in threading.enumerate()
        ):
            time.sleep(0.01)
        return frame
register_engine(".same", lambda path, size, sixteen_bit, options: Identity())
from reconet_cli.cli import main
main()
"""
# A file whose engine gives frames back as they are, in these processes and where a test asks for `identity`.
IDENTITY = str(Path(__file__).with_name("identity.same"))
STYLIZE = [sys.executable, "-c", DRIVER, "stylize", "--style", IDENTITY]


# The test pattern has colors that no 4:2:0 video can carry through RGB and back; muted and softened ones it can.
SOFT = "format=yuv444p,hue=s=0.4,gblur=sigma=2"


@pytest.fixture(autouse=True)
def isolated(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches the user's own folders, settings or ffmpeg, or prints another one's log."""
    logging.getLogger("reconet").handlers.clear()
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("RECONET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RECONET_FFMPEG", FFMPEG if request.path.name.startswith(ABOUT_FFMPEG) else PAINTING)


class Tools:
    """The real ffmpeg, for making clips and for looking at results without this project's own reader."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ffmpeg = FFMPEG

    def run(self, *arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run ffmpeg; fail the test where it fails."""
        command = [QUICK, "-nostdin", "-hide_banner", "-y", *map(str, arguments)]
        if stdin is not None:
            command.remove("-nostdin")
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done

    def clip(
        self,
        name: str = "clip.mp4",
        *,
        size: str = "96x64",
        rate: str = "25",
        seconds: float = 1,
        sound: tuple[str, ...] = ("aac",),
        filters: str = SOFT,
        options: tuple[str, ...] = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
    ) -> Path:
        """Make a moving test pattern with a tone in each of the `sound` codecs; the same one is made once."""
        folder = self.folder / hashlib.sha256(repr((size, rate, seconds, sound, filters, options)).encode()).hexdigest()
        path = folder / name
        if path.exists():
            return path
        folder.mkdir(exist_ok=True)
        inputs = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
        maps = ["-map", "0:v"]
        for number, codec in enumerate(sound, 1):
            inputs += ["-f", "lavfi", "-i", f"sine=frequency={330 * number}:duration={seconds}"]
            maps += ["-map", f"{number}:a", f"-c:a:{number - 1}", codec]
        self.run(*inputs, *maps, "-vf", filters, *options, path)
        return path

    def info(self, path: Path) -> MediaInfo:
        """Probe a file."""
        return probe(QUICK, file_source(path))

    def turned(self, source: Path, target: Path, quarters: int) -> Path:
        """Write a copy of an mp4 whose display matrix turns its (first) video stream by quarters of a circle."""
        a, b = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters % 4]
        content = bytearray(source.read_bytes())
        # tkhd: size, type, version and flags, 20 bytes of times and ids, 16 of layer and volume, the matrix.
        at = content.index(b"tkhd") + 4 + 4 + 20 + 16
        content[at : at + 20] = struct.pack(">iiiii", a << 16, b << 16, 0, -b << 16, a << 16)
        target.write_bytes(content)
        return target

    def times(self, path: Path) -> list[float]:
        """When each frame of the first video stream is shown, in seconds on the file's own clock."""
        log = self.run(
            "-copyts", "-i", f"file:{path}", "-map", "0:V:0", "-fps_mode", "passthrough",
            "-enc_time_base", "1/1000000", "-vf", "showinfo=checksum=0", "-f", "null", "-",
        ).stderr.decode(errors="replace")  # fmt: skip
        found = re.search(r"config in time_base: (\d+)/(\d+)", log)
        assert found
        tick = Fraction(int(found[1]), int(found[2]))
        return [float(int(pts) * tick) for pts in re.findall(r"\] n: *\d+ pts: *(-?\d+)", log)]

    def packets(self, path: Path, stream: str = "a:0") -> list[tuple[float, str]]:
        """(time, checksum) of every packet of a stream."""
        said = self.run(
            "-copyts", "-i", f"file:{path}", "-map", f"0:{stream}", "-c", "copy", "-f", "framemd5", "-"
        ).stdout.decode()
        found = re.search(r"#tb 0: (\d+)/(\d+)", said)
        assert found
        tick = Fraction(int(found[1]), int(found[2]))
        rows = [line.split(",") for line in said.splitlines() if line and not line.startswith("#")]
        return [(float(int(row[2]) * tick), row[5].strip()) for row in rows]

    def planes(self, path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The stored Y, U and V values of a 4:2:0 file as (frames, height, width), no conversion at all."""
        video = self.info(path).video
        assert video is not None
        width, height = video.width, video.height
        raw = self.run("-noautorotate", "-i", f"file:{path}", "-map", "0:V:0", "-fps_mode", "passthrough",
                       "-f", "rawvideo", "-").stdout  # fmt: skip
        frames = np.frombuffer(raw, np.uint8).reshape(-1, width * height * 3 // 2)
        luma, chroma = width * height, width * height // 4
        half = (-1, height // 2, width // 2)
        return (
            frames[:, :luma].reshape(-1, height, width),
            frames[:, luma : luma + chroma].reshape(half),
            frames[:, luma + chroma :].reshape(half),
        )

    def pixels(self, path: Path) -> np.ndarray:
        """The frames as ffmpeg shows them, rotated, (frames, height, width, 3) uint8 RGB."""
        video = self.info(path).video
        assert video is not None
        width, height = video.shown_size
        plain = ["-f", "image2", "-pattern_type", "none"] if "%" in path.name else []
        raw = self.run(*plain, "-i", f"file:{path}", "-map", "0:V:0", "-fps_mode", "passthrough",
                       "-pix_fmt", "rgb24", "-f", "rawvideo", "-").stdout  # fmt: skip
        return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for tests that paint with shipped styles; other workers of this run share it, too."""
    run = tmp_path_factory.getbasetemp()
    return (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "shared-cache"


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """ffmpeg, and a folder of clips that all tests of a session share and none changes."""
    return Tools(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def clip(tools: Tools) -> Path:
    """One second of 96x64 at 25 frames a second, with sound."""
    return tools.clip()


@pytest.fixture
def stylize() -> list[str]:
    """The start of a command line that stylizes with the identity, in a process of its own."""
    return list(STYLIZE)


class Engine:
    """An engine out of a function of pixels."""

    description, precision, concurrency = "identity", "exact", 1

    def __init__(self, paint: Callable[[np.ndarray], np.ndarray] = lambda frame: frame) -> None:
        self.paint = paint

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        return self.paint(frame)


@pytest.fixture
def identity() -> Iterator[Callable[[Loader], None]]:
    """IDENTITY is a style in this process; what is called with another loader makes its engines from there on."""
    register_engine(".same", lambda path, size, sixteen_bit, options: Engine())
    yield lambda loader: register_engine(".same", loader)
    unregister_engine(".same")
