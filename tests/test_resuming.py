"""Work in segments: whatever interrupts it, the result is that of an uninterrupted run."""

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import conftest
import forks
import numpy as np
import pytest
from conftest import IDENTITY, PAINTING, Engine
from identity import silent, told
from processes import PATIENCE, children, gone, until, works_with
from test_stylize import BOTH

import reconet_cli.stylizing.resume.run
import reconet_cli.video.reading.reader
from reconet_cli import cli
from reconet_cli.errors import MediaError
from reconet_cli.stylizing import whole
from reconet_cli.stylizing.deflicker import Deflicker, DeflickerStage
from reconet_cli.stylizing.network import Network
from reconet_cli.stylizing.resume import paint_resumably
from reconet_cli.stylizing.resume.store import Store
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.request import Request

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(reconet_cli.stylizing.resume.run, "SEGMENT", 10)


class Negative(Stage):
    """Paints the negative, counts its frames, and fails at one of them."""

    concurrency = 2

    def __init__(self, fail_at: int = 10**9, settled: object = "exact") -> None:
        self.fail_at, self.settled, self.count = fail_at, settled, 0

    def apply(self, source, painted, prepared):
        self.count += 1
        if self.count > self.fail_at:
            raise MediaError("the power went")
        return replace(painted, pixels=np.iinfo(painted.pixels.dtype).max - painted.pixels)


def resumably(
    source: Path, target: Path, stages: Negative | list[Stage], identity: dict | None = None, **options
) -> list[str]:
    """Paint in segments of ten frames and return what was told."""
    request = Request(str(source), str(target), **options)
    opened = (stages, "exact") if isinstance(stages, list) else ([stages], stages.settled)
    with told() as sentences:
        try:
            paint_resumably(request, lambda *_: opened, identity or {}, silent)
        except MediaError as problem:
            sentences.append(str(problem))
    return sentences


def at_once(source: Path, target: Path, **options) -> None:
    whole.paint(Request(str(source), str(target), **options), lambda *_: [Negative()], silent)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "home" and "sitecustomize" not in path.name)


@pytest.fixture(scope="module")
def sources(tools) -> dict[str, Path]:
    """A video of even rate, one of odd rate, one of uneven rate, one whose pictures begin late, one without index."""
    steady = tools.clip("steady.mp4", seconds=1.4, sound=("aac", "aac"))
    uneven, late, bare = (tools.folder / name for name in ("uneven.mkv", "late.mkv", "bare.h264"))
    tools.run("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=50:duration=1.8",
              "-f", "lavfi", "-i", "sine=duration=1.8",
              "-vf", f"select='not(mod(n,3))+not(mod(n,7))',{conftest.SOFT}", "-fps_mode", "vfr", *X264,
              "-c:a", "aac", uneven)  # fmt: skip
    tools.run("-itsoffset", "0.7", "-i", steady, "-i", steady, "-map", "0:v", "-map", "1:a", "-c", "copy", late)
    long = tools.clip("long-ago.mp4", size="32x16", rate="10", seconds=14, sound=())
    tools.run("-i", long, "-c", "copy", "-bsf:v", "h264_mp4toannexb", bare)
    ntsc = tools.clip("ntsc.mp4", rate="30000/1001", seconds=1.2)
    return {"steady": steady, "uneven": uneven, "late": late, "ntsc": ntsc, "long": long, "bare": bare}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("steady", "mp4"), ("uneven", "mkv"), ("late", "mov"), ("ntsc", "ts")],
)
def test_interrupted_equals_uninterrupted(tools, sources, tmp_path, monkeypatch, name, suffix):
    monkeypatch.setenv("RECONET_FFMPEG", tools.ffmpeg)  # how segments are joined depends on its version
    plain, out = tmp_path / f"plain.{suffix}", tmp_path / f"out.{suffix}"
    options = {"crf": 0, "preset": "ultrafast"}  # lossless, so that segments may not differ in a single value
    at_once(sources[name], plain, **options)
    first, second, third = Negative(17), Negative(17), Negative()
    assert "the power went" in resumably(sources[name], out, first, **options)[-1]
    assert not out.exists()
    resumably(sources[name], out, second, **options)
    assert resumably(sources[name], out, third, **options)[0] == f"20 frames are painted already, in {out}.parts"
    assert third.count == len(tools.times(plain)) - 20
    assert left(tmp_path) == sorted([plain.name, out.name])
    assert np.array_equal(tools.pixels(out), tools.pixels(plain))
    assert tools.times(out) == pytest.approx(tools.times(plain), abs=1.01e-3)
    assert tools.packets(out) == tools.packets(plain)
    ours, theirs = tools.info(out), tools.info(plain)
    assert (ours.video.color, ours.video.aspect) == (theirs.video.color, theirs.video.aspect)
    assert [s.codec for s in ours.streams] == [s.codec for s in theirs.streams]
    assert float(ours.duration) == pytest.approx(float(theirs.duration), abs=0.011)


class Unsteady:
    """Paints the same frame otherwise each time, and fails at one of them."""

    description, precision, concurrency = "unsteady", "exact", 2

    def __init__(self, fail_at: int) -> None:
        self.fail_at = fail_at

    def __call__(self, pixels):
        strokes = np.random.default_rng(zlib.crc32(pixels)).integers(-30, 31, (*pixels.shape[:2], 1))
        self.fail_at -= 1
        if self.fail_at < 0:
            raise MediaError("the power went")
        return np.clip(255 - pixels.astype(int) + strokes, 0, 255).astype(np.uint8)


def steady(fail_at: int = 10**9) -> list[Stage]:
    """Up to eight of their frames are on their way when they fail."""
    return [Network([Unsteady(fail_at)]), DeflickerStage(Deflicker())]


@pytest.fixture
def steady_at_once(sources, tmp_path) -> Path:
    """An uninterrupted run's lossless result."""
    target = tmp_path / "at-once.mp4"
    request = Request(str(sources["steady"]), str(target), crf=0, preset="ultrafast")
    whole.paint(request, lambda *_: steady(), silent)
    return target


def test_steady_strokes_are_carried_over_an_interruption(tools, sources, steady_at_once, tmp_path):
    out, options = tmp_path / "out.mp4", {"crf": 0, "preset": "ultrafast"}
    for _ in range(2):
        assert "the power went" in resumably(sources["steady"], out, steady(19), **options)[-1]
    assert resumably(sources["steady"], out, steady(), **options)[0].startswith("20 frames are painted already")
    assert np.array_equal(tools.pixels(out), tools.pixels(steady_at_once))
    assert left(tmp_path) == ["at-once.mp4", "out.mp4"]


def test_only_the_latest_memories_are_kept(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(reconet_cli.stylizing.resume.run, "SEGMENT", 5)
    resumably(sources["steady"], tmp_path / "out.mp4", steady(29))
    parts = tmp_path / "out.mp4.parts"
    done = segments(tmp_path / "out.mp4")
    assert done >= 4
    assert [path.stem for path in sorted(parts.glob("*.npz"))] == [f"{number:06d}" for number in (done - 2, done - 1)]


@pytest.mark.parametrize(("spoilt", "kept"), [(["000001.npz"], 10), (["000000.npz", "000001.npz"], 0)])
def test_what_was_not_remembered_is_painted_again(tools, sources, steady_at_once, tmp_path, spoilt, kept):
    out, options = tmp_path / "out.mp4", {"crf": 0, "preset": "ultrafast"}
    resumably(sources["steady"], out, steady(29), **options)
    for name in spoilt:
        memory = tmp_path / "out.mp4.parts" / name
        content = bytearray(memory.read_bytes())
        content[len(content) // 2] ^= 255
        memory.write_bytes(content)
    notes = resumably(sources["steady"], out, steady(), **options)
    assert [note for note in notes if "painted already" in note] == (
        [f"{kept} frames are painted already, in {out}.parts"] if kept else []
    )
    assert np.array_equal(tools.pixels(out), tools.pixels(steady_at_once))


def test_lossy_results_do_not_depend_on_where_a_run_stopped(tools, sources, tmp_path):
    options = {"codec": "libx265", "preset": "ultrafast", "start": Fraction(1, 5)}
    resumably(sources["steady"], tmp_path / "straight.mp4", Negative(), **options)
    for stop in (27, 17):
        resumably(sources["steady"], tmp_path / "out.mp4", Negative(stop), **options)
    resumably(sources["steady"], tmp_path / "out.mp4", Negative(), **options)
    for stream in ("v:0", "a:0", "a:1"):
        assert tools.packets(tmp_path / "out.mp4", stream) == tools.packets(tmp_path / "straight.mp4", stream)


@pytest.mark.parametrize(("name", "entered"), [("long", True), ("bare", False)])
def test_known_frames_are_not_decoded_again_where_that_is_safe(tools, sources, tmp_path, monkeypatch, name, entered):
    plain, out = tmp_path / "plain.mp4", tmp_path / "out.mp4"
    options = {"crf": 0, "preset": "ultrafast"}
    at_once(sources[name], plain, **options)
    resumably(sources[name], out, Negative(127), **options)
    readers = []
    start = reconet_cli.video.reading.reader.FfmpegReader.__init__
    monkeypatch.setattr(reconet_cli.video.reading.reader.FfmpegReader, "__init__",
                        lambda self, *a, **k: (start(self, *a, **k), readers.append(self))[0])  # fmt: skip
    rest = Negative()
    resumably(sources[name], out, rest, **options)
    assert rest.count == 20
    # Frames begin just before; a file that cannot be entered half way is read from its beginning.
    assert readers[-1].count == pytest.approx(21 if entered else 140, abs=1)
    assert np.array_equal(tools.pixels(out), tools.pixels(plain))
    assert tools.times(out) == tools.times(plain)


@pytest.mark.parametrize(
    ("change", "topic"),
    [
        ({"crf": 30}, "settings"),
        ({"identity": {"style": "b"}}, "style"),
        ({"identity": {"style": "b"}, "crf": 30}, "style and settings"),
    ],
)
def test_segments_of_something_else_are_not_used(tools, sources, tmp_path, change, topic):
    out = tmp_path / "out.mp4"
    options = {"identity": {"style": "a"}, "preset": "ultrafast"}
    resumably(sources["steady"], out, Negative(27), **options)
    again = Negative()
    notes = resumably(sources["steady"], out, again, **{**options, **change})
    assert notes[0] == f"{out}.parts was begun with different {topic}: starting from the beginning"
    assert again.count == 35
    resumably(sources["steady"], tmp_path / "straight.mp4", Negative(), **{**options, **change})
    assert np.array_equal(tools.pixels(out), tools.pixels(tmp_path / "straight.mp4"))


def test_a_changed_input_is_noticed(tools, sources, tmp_path):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    source.write_bytes(sources["steady"].read_bytes())
    resumably(source, out, Negative(27))
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 1
    source.write_bytes(content)
    again = Negative()
    assert "different input" in resumably(source, out, again)[0]
    assert again.count > 30  # a damaged frame may be lost


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "manifest", "foreign"])
def test_damaged_segments_are_painted_again(tools, sources, tmp_path, damage):
    out = tmp_path / "out.mp4"
    resumably(sources["steady"], out, Negative(27), preset="ultrafast")
    second = tmp_path / "out.mp4.parts/000001.mp4"
    manifest = second.with_name("manifest.json")
    if damage == "truncated":
        second.write_bytes(second.read_bytes()[:-1])
    elif damage == "changed":
        second.write_bytes(second.read_bytes()[:-9] + bytes(9))
    elif damage == "missing":
        second.unlink()
    else:
        manifest.write_text('{"segments": [{}]}' if damage == "foreign" else manifest.read_text()[:-9])
    again = Negative()
    notes = resumably(sources["steady"], out, again, preset="ultrafast")
    assert again.count == (25 if damage in ("truncated", "changed", "missing") else 35)
    assert any("damaged manifest" in note for note in notes) == (damage in ("manifest", "foreign"))
    resumably(sources["steady"], tmp_path / "straight.mp4", Negative(), preset="ultrafast")
    assert tools.packets(out, "v:0") == tools.packets(tmp_path / "straight.mp4", "v:0")


def test_segments_of_an_unreadable_manifest_are_kept_aside(sources, tmp_path):
    out = tmp_path / "out.mp4"
    resumably(sources["steady"], out, Negative(27))
    (tmp_path / "out.mp4.parts" / "manifest.json").write_text("[" * 100_000)
    notes = resumably(sources["steady"], out, Negative())
    assert any(f"is kept in {out}.parts.aside" in note for note in notes)
    assert {"000000.mp4", "000001.mp4"} <= set(left(tmp_path / "out.mp4.parts.aside"))
    assert out.exists()


def test_a_run_relies_on_no_segments_that_another_has_changed(tmp_path):
    late, other = (Store(tmp_path / "out.mp4", {}) for _ in range(2))
    other.claim()
    other.close()
    with pytest.raises(MediaError, match="another run"):
        late.claim()
    late.close()


def test_another_engine_does_not_go_on(sources, tmp_path):
    out = tmp_path / "out.mp4"
    resumably(sources["steady"], out, Negative(27, settled=[["OpenVINO", "fp32"]]))
    said = resumably(sources["steady"], out, Negative(settled=[["CUDA", "fp16"]]))[-1]
    assert "was begun with [['OpenVINO', 'fp32']]" in said
    asked = []
    request = Request(str(sources["steady"]), str(out))
    open_stages = lambda *a: asked.append(a[3]) or ([Negative()], [["OpenVINO", "fp32"]])  # noqa: E731
    paint_resumably(request, open_stages, {}, silent)
    assert asked == [[["OpenVINO", "fp32"]]]


def test_failure_while_joining_keeps_all_segments(tools, sources, tmp_path):
    broken = tmp_path / "ffmpeg-broken"
    broken.write_text(f"""#!/bin/sh
case "$*" in *parts.txt*) echo "[error] no joy today" >&2; exit 1;; esac
exec '{PAINTING}' "$@"
""")
    broken.chmod(0o755)
    out = tmp_path / "out.mp4"
    notes = resumably(sources["steady"], out, Negative(), ffmpeg=str(broken))
    assert notes[-1] == "the parts cannot be joined: [error] no joy today"
    assert left(tmp_path) == ["ffmpeg-broken", "out.mp4.parts"]
    rest = Negative()
    resumably(sources["steady"], out, rest, ffmpeg=PAINTING)
    assert rest.count == 0
    assert len(tools.times(out)) == 35


def test_frames_that_are_lost_while_joining(tools, sources, tmp_path):
    careless = tmp_path / "ffmpeg-careless"
    careless.write_text(f"""#!/bin/sh
case "$*" in *parts.txt*) for out; do :; done; exec cp 000000.mp4 "${{out#file:}}";; esac
exec '{PAINTING}' "$@"
""")
    careless.chmod(0o755)
    out = tmp_path / "out.mp4"
    notes = resumably(sources["steady"], out, Negative(), ffmpeg=str(careless))
    assert "of 35 frames" in notes[-1]
    assert left(tmp_path) == ["ffmpeg-careless", "out.mp4.parts"]


def test_names_that_mean_something_to_ffmpeg(tools, sources, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(sources["steady"], "a?#.mp4")
    for name in ("a*?[x]{y}.mp4", "a\n'%d#.mkv"):
        resumably(Path("a?#.mp4"), Path(name), Negative())
        assert len(tools.times(tmp_path / name)) == 35
        assert len(tools.info(tmp_path / name).of_kind("audio")) == 2


def test_other_peoples_files_stay(sources, tmp_path):
    parts = tmp_path / "out.mp4.parts"
    parts.mkdir()
    (parts / "notes.txt").write_text("mine")
    resumably(sources["steady"], tmp_path / "out.mp4", Negative())
    assert left(parts) == ["notes.txt"]
    assert (tmp_path / "out.mp4").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked there")
def test_two_runs_do_not_work_in_one_folder(sources, command, tmp_path):
    out = tmp_path / "out.mp4"
    arguments = [*command, str(sources["steady"]), str(out), "--preset", "ultrafast"]
    first = forks.Popen(arguments, stderr=subprocess.PIPE, env={**os.environ, "RECONET_TEST_STOP": "15"})
    until(lambda: segments(out), first)
    second = forks.run(arguments, capture_output=True, text=True, timeout=PATIENCE)
    assert second.returncode == 1
    assert f"out.mp4.parts is in use by process {first.pid}\n" in second.stderr
    first.kill()
    first.communicate()
    assert segments(out) == 1
    third = forks.run(arguments, capture_output=True, text=True, timeout=PATIENCE)
    assert third.returncode == 0, third.stderr  # who is killed keeps no lock
    assert left(tmp_path) == ["out.mp4", "style.same"]


@pytest.fixture
def command(tmp_path) -> list[str]:
    """The start of a command line that paints in segments of ten frames, in a process of its own."""
    style = tmp_path / "style.same"
    style.write_text("a")
    short = "import reconet_cli.stylizing.resume.run as r; r.SEGMENT = 10\n"
    driver = conftest.DRIVER.replace("from reconet_cli.cli import main", f"{short}from reconet_cli.cli import main")
    return [sys.executable, "-c", driver, "stylize", "--style", str(style), "--resumable"]


def segments(target: Path) -> int:
    manifest = Path(f"{target}.parts/manifest.json")
    return len(json.loads(manifest.read_text())["segments"]) if manifest.exists() else 0


def test_killed_at_random_moments(tools, sources, command, tmp_path):
    out, straight = tmp_path / "out.mp4", tmp_path / "straight.mp4"
    arguments = [*command, str(sources["steady"]), str(out), "--preset", "ultrafast"]
    slow = {**os.environ, "RECONET_TEST_DELAY": "0.02", "RECONET_TEST_STOP": "15"}  # further each time, but not the end
    moments, seen = random.Random(5), []
    for wanted in (0, 1):
        process = forks.Popen(arguments, stderr=subprocess.PIPE, env=slow)
        until(lambda: works_with(process, *BOTH) and segments(out) >= wanted, process)  # noqa: B023
        time.sleep(moments.uniform(0, 0.5))
        started = children(process.pid)
        process.kill()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL
        assert not out.exists()
        seen.append(segments(out))
        assert gone(started)
    assert seen == sorted(seen)
    assert 1 <= seen[-1] < 3
    done = forks.run(arguments, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert f"{10 * seen[-1]} frames are painted already" in done.stderr
    assert left(tmp_path) == ["out.mp4", "style.same"]
    assert forks.run([*arguments[:-3], str(straight), *arguments[-2:]], capture_output=True).returncode == 0
    for stream in ("v:0", "a:0"):
        assert tools.packets(out, stream) == tools.packets(straight, stream)


def test_interrupt_says_how_to_go_on(tools, sources, command, tmp_path):
    out = tmp_path / "out.mp4"
    arguments = [*command, str(sources["steady"]), str(out), "--preset", "ultrafast"]
    process = forks.Popen(arguments, stderr=subprocess.PIPE, text=True, env={**os.environ, "RECONET_TEST_STOP": "15"})
    until(lambda: segments(out), process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1].splitlines()
    assert process.returncode == 130
    assert said[-1] == "error: interrupted"
    assert any("0 frames are kept in" in line and "the same command goes on from there" in line for line in said)
    (tmp_path / "style.same").write_text("b")
    done = forks.run(arguments, capture_output=True, text=True, timeout=PATIENCE)
    assert "was begun with different style" in done.stderr
    assert len(tools.times(out)) == 35


def test_wrong_use_and_unsuitable_outputs(capfd, identity, sources, tmp_path):
    source = str(sources["steady"])
    base = ["stylize", "--style", IDENTITY, "--resumable"]
    assert cli.run([*base, source, "-"]) == 2
    assert cli.run([*base, source, str(tmp_path / "out.gif")]) == 1
    assert "cannot be made in segments" in capfd.readouterr().err
    assert cli.run([*base, "--live", source, str(tmp_path / "out.mp4")]) == 2
    for source in (tmp_path, tmp_path / "missing.mp4"):
        assert cli.run([*base, str(source), str(tmp_path / "out.mp4")]) == 1
        assert f"{source} is not a file" in capfd.readouterr().err
    assert left(tmp_path) == []


def test_many(capfd, identity, tools, sources, tmp_path):
    style = tmp_path / "style.same"
    style.write_text("a")
    arguments = ["stylize", "--style", str(style), "--resumable", str(sources["steady"]), str(sources["ntsc"])]
    assert cli.run([*arguments, "--output-dir", str(tmp_path / "out"), "--preset", "ultrafast"]) == 0
    assert left(tmp_path / "out") == ["ntsc-style.mp4", "steady-style.mp4"]
    assert len(tools.times(tmp_path / "out/ntsc-style.mp4")) == 36


def test_the_manifest_says_what_was_painted(sources, tmp_path):
    resumably(sources["steady"], tmp_path / "out.mp4", Negative(27), {"style": "a"}, crf=25)
    manifest = json.loads((tmp_path / "out.mp4.parts/manifest.json").read_text())
    assert manifest["identity"]["settings"]["crf"] == 25
    assert manifest["identity"]["input"]["size"] == sources["steady"].stat().st_size
    assert [(s["frames"], s["first"], s["last"]) for s in manifest["segments"]] == [
        (10, "0", "9/25"), (10, "2/5", "19/25")
    ]  # fmt: skip


def test_the_precision_that_was_settled_is_kept(sources, tmp_path, identity):
    """`auto` measures, so on another day it may choose otherwise; the segments behind the first must not differ."""
    out, asked = tmp_path / "out.mp4", []

    def load(path, size, sixteen_bit, options):
        precision, count = options.precision, itertools.count(1)
        asked.append(precision)
        first = len(asked) == 1

        def paint(pixels):
            if next(count) > 27 and first:
                raise MediaError("the power went")
            return pixels

        engine = Engine(paint)
        engine.precision = precision if precision != "auto" else "bf16" if first else "fp32"
        return engine

    identity(load)
    arguments = ["stylize", "--style", IDENTITY, "--resumable", str(sources["steady"]), str(out)]
    assert cli.run(arguments) == 1
    assert cli.run(arguments) == 0
    assert asked == ["auto", "auto", "bf16"]
