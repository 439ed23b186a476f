"""`reconet stylize` from the command line: pipes, signals, broken tools, messages and exit codes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import forks
import numpy as np
import pytest
from conftest import IDENTITY, PAINTING
from processes import PATIENCE, children, gone, until, works_with

from reconet_cli import cli

SIZE = 96 * 64 * 3
BOTH = ("showinfo", "fpsprobesize")  # in the command lines of decoder and encoder


def command_line(capfd, *arguments: str) -> tuple[int, str]:
    """Run in this process; return the exit status and what stood on stderr."""
    status = cli.run(["stylize", "--style", IDENTITY, *arguments])
    out, err = capfd.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return status, err


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def wrapper(folder: Path, real: str, script: str) -> str:
    """An ffmpeg that does `script` (sh; `$real` is the real one), for breaking in a chosen way."""
    path = folder / "ffmpeg-wrapper"
    path.write_text(f"#!/bin/sh\nreal='{real}'\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["in.mp4", "out.mp4", "--latency", "0.2"], "--latency needs --live"),
        (["in.mp4", "out.mp4", "--input-format", "yuv420p"], "--input-format is for raw frames"),
        (["-", "out.mp4", "--input-format", "yuv420p", "--fps", "25"], "--input-format is for raw frames"),
        (["in.png", "out.png", "--crf", "3"], "--crf is about video"),
        (["in.mp4", "frames/", "--codec", "hevc"], "--codec is about video"),
        (["in.mp4", "-", "-e", "tune=film"], "-e is about encoded video, and y4m is none"),
        (["in.mp4", "out.mp4", "--variant", "fast"], "--variant is for named styles"),
        (["in.png", "--output-dir", "out", "--crf", "3"], "--crf is about video"),
        (["in.png", "out.png", "--fps", "3"], "--fps is about video"),
        (["in.png", "out.png", "--deflicker"], "--deflicker is about video"),
    ],
)
def test_options_that_would_change_nothing_are_refused(tmp_path, monkeypatch, capfd, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.safetensors").touch()
    assert cli.run(["stylize", *options, "--style", "own.safetensors"]) == 2
    assert said in capfd.readouterr().err
    assert cli.run(["stylize", "in.mp4", "out.mp4", "--style", "own.safetensors"]) == 1, "there is no in.mp4"


def test_paints_and_reports(capfd, identity, tools, clip, tmp_path):
    status, said = command_line(capfd, str(clip), str(tmp_path / "out.mp4"), "--crf", "30", "--preset", "ultrafast")
    assert status == 0
    assert "identity" in said
    assert "25 frames of 96x64" in said
    assert len(tools.times(tmp_path / "out.mp4")) == 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mp4", "out.mp4"], "missing.mp4: No such file"),
        ([".", "out.mp4"], "is a folder"),
        (["garbage.mp4", "out.mp4"], "garbage.mp4 is no video"),
        (["empty.mp4", "out.mp4"], "is empty"),
        (["sound.m4a", "out.mp4"], "has no video stream"),
        (["clip.mp4", "nowhere/out.mp4"], "its folder is not there"),
        (["clip.mp4", "out.doc"], "unknown kind of file .doc"),
        (["clip.mp4", "taken.mp4"], "is there already"),
        (["clip.mp4", "clip.mp4", "-y"], "is an input of this command"),
        (["clip.mp4", "./clip.mp4"], "is an input of this command"),
        (["clip.mp4", "link.mp4", "-y"], "is an input of this command"),
        (["clip.mp4", "out.png"], "the input is a video"),
        (["clip.mp4", "out.mp4", "--ffmpeg", "/nowhere"], "--ffmpeg: /nowhere"),
        (["clip.mp4", "out.mp4", "--start", "10"], "--start 10 is behind the end of clip.mp4"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(capfd, identity, tools, clip, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").write_bytes(clip.read_bytes())
    Path("link.mp4").symlink_to("clip.mp4")
    Path("garbage.mp4").write_bytes(bytes(range(256)) * 16)
    Path("empty.mp4").touch()
    Path("taken.mp4").write_text("old")
    if "sound.m4a" in arguments:
        tools.run("-i", clip, "-vn", "-c", "copy", "sound.m4a")
    status, said = command_line(capfd, *arguments)
    assert status == 1
    assert said.startswith("error: ")
    assert message in said
    assert leftovers(tmp_path) == []
    assert not Path("out.mp4").exists()
    assert Path("taken.mp4").read_text() == "old"
    assert Path("clip.mp4").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "640"], ["--size", "0x10"], ["--scale", "-1"], ["--scale", "x"], ["--fps", "0"],
        ["--fps", "1/0"], ["--start", "soon"], ["--crf", "99"], ["--size", "10x10", "--scale", "2"],
        ["--format", "y4m"], ["-e", "novalue"], ["-e", "f=avi"], ["--hdr", "keep"], ["--encoder", "gpu"],
        ["--duration", "0"], ["--engine", "abacus"], ["--precision", "fp8"],
    ],
)  # fmt: skip
def test_wrong_use(capfd, identity, clip, tmp_path, arguments):
    status, _ = command_line(capfd, str(clip), str(tmp_path / "out.mp4"), *arguments)
    assert status == 2
    assert not (tmp_path / "out.mp4").exists()


def test_unknown_style_shows_before_any_work(capfd, clip, tmp_path):
    status = cli.run(["stylize", str(clip), str(tmp_path / "out.mp4"), "--style", "no-such-style"])
    assert status == 1
    assert "no-such-style" in capfd.readouterr().err
    assert leftovers(tmp_path) == []


def test_help_needs_no_torch():
    code = (
        "import sys; from reconet_cli.cli import run; status = run(['stylize', '--help'])\n"
        "loaded = {'torch', 'cv2', 'numpy', 'ffmpeg'} & set(sys.modules); assert not loaded, loaded; sys.exit(status)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE).returncode == 0


def test_y4m_through_pipes(tools, clip, stylize):
    y4m = tools.run("-i", clip, "-f", "yuv4mpegpipe", "-pix_fmt", "yuv420p", "-").stdout
    done = forks.run([*stylize, "-", "-"], input=y4m, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"YUV4MPEG2 W96 H64 F25:1")
    assert done.stdout.count(b"FRAME") == 25
    assert len(done.stdout) == pytest.approx(len(y4m), abs=200)
    before = np.frombuffer(y4m[-SIZE // 2 :], np.uint8).astype(int)
    after = np.frombuffer(done.stdout[-SIZE // 2 :], np.uint8)
    assert np.abs(before - after).mean() < 2


def test_raw_through_pipes_is_exact(tools, clip, stylize):
    raw = tools.run("-i", clip, "-f", "rawvideo", "-pix_fmt", "rgb24", "-").stdout
    options = ["--size", "96x64", "--fps", "25"]
    done = forks.run([*stylize, "-", "-", *options], input=raw, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == raw
    as_y4m = forks.run(
        [*stylize, "-", "-", *options, "--format", "y4m"], input=raw, capture_output=True, timeout=PATIENCE
    )
    assert as_y4m.stdout.startswith(b"YUV4MPEG2 W96 H64 F25:1")
    part = forks.run(
        [*stylize, "-", "-", *options, "--start", "0.4", "--duration", "0.2"],
        input=raw,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert part.stdout == raw[10 * SIZE : 15 * SIZE]


def test_raw_that_ends_inside_a_frame(tools, stylize, tmp_path):
    target = tmp_path / "out.mp4"
    command = [*stylize, "-", str(target), "--size", "96x64", "--fps", "30000/1001"]
    done = forks.run(command, input=b"\x80" * (SIZE * 3 + 7), capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0
    assert b"its last 7 bytes are left out" in done.stderr
    assert len(tools.times(target)) == 3
    assert tools.times(target)[1] == pytest.approx(1001 / 30000, abs=1e-4)
    short = forks.run([*command, "-y"], input=b"\x80" * 100, capture_output=True, timeout=PATIENCE)
    assert short.returncode == 1
    assert b"100 bytes are less than one rgb24 frame of 96x64" in short.stderr
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
def test_container_from_a_pipe_with_its_sound(tools, clip, stylize, tmp_path, suffix):
    source = tmp_path / f"in.{suffix}"
    tools.run("-i", clip, "-c", "copy", source)
    target = tmp_path / "out.mkv"
    with source.open("rb") as pipe:
        # Sizes and rates are conversions here, not a description of raw frames.
        done = subprocess.run(
            ["sh", "-c", 'cat | "$@"', "sh", *stylize, "-", str(target), "--size", "48x32", "--start", "0.2"],
            stdin=pipe, capture_output=True, timeout=PATIENCE,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(tools.times(target)) == 20
    assert tools.info(target).of_kind("audio")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("reconet-")] == []


def test_container_to_a_pipe(tools, clip, stylize):
    mkv = tools.run("-i", clip, "-c", "copy", "-f", "matroska", "-").stdout
    done = forks.run([*stylize, "-", "-", "--format", "rgb24"], input=mkv, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == SIZE * 25


def test_nothing_and_garbage_on_standard_input(stylize, tmp_path):
    for content, message in ((b"", b"nothing came in"), (b"x" * 5000, b"standard input is no video")):
        done = forks.run([*stylize, "-", "-"], input=content, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stdout == b""
    done = forks.run(
        [*stylize, "-", str(tmp_path / "out.mp4")], input=b"x" * 5000, capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("form", ["y4m", "rgb24"])
def test_reader_that_goes_away(tools, stylize, form):
    long = tools.clip("long.mp4", size="320x240", seconds=8)
    process = forks.Popen([*stylize, str(long), "-", "--format", form], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.read(100_000)
    started = children(process.pid)
    process.stdout.close()
    said = process.stderr.read().decode()
    assert process.wait(PATIENCE) == 1
    assert "the output pipe was closed by its reader" in said
    assert "Traceback" not in said
    assert gone(started)
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_everything(clip, stylize, tmp_path, number):
    process = forks.Popen([*stylize, str(clip), str(tmp_path / "out.mp4")],
        stderr=subprocess.PIPE, env={**os.environ, "RECONET_TEST_STOP": "3"},
    )  # fmt: skip
    until(lambda: works_with(process, *BOTH), process)
    started = children(process.pid)
    assert len(started) == 2
    assert len(leftovers(tmp_path)) == 1
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "error: interrupted"
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()
    assert gone(started)


@pytest.mark.parametrize("which", ["decoder", "encoder"])
def test_killed_ffmpeg(tools, stylize, tmp_path, which):
    long = tools.clip("long.mp4", size="320x240", seconds=8)  # more than fits into pipes and queues
    process = forks.Popen([*stylize, str(long), str(tmp_path / "out.mp4")],
        stderr=subprocess.PIPE, env={**os.environ, "RECONET_TEST_DELAY": "0.1"},
    )  # fmt: skip
    until(lambda: works_with(process, *BOTH), process)
    os.kill(works_with(process, *BOTH)[which == "encoder"], signal.SIGKILL)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert b"SIGKILL" in said
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


def test_decoder_that_fails_half_way(capfd, identity, tools, clip, tmp_path):
    ffmpeg = wrapper(
        tmp_path, PAINTING,
        f'case "$*" in *showinfo*) "$real" "$@" | head -c {SIZE * 9}'
        '; printf "[error] \\033[0mthe disk fell off\\n" >&2; exit 1;;\n*) exec "$real" "$@";; esac',
    )  # fmt: skip
    status, said = command_line(capfd, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg)
    assert status == 1
    assert "decoding failed: the disk fell off" in said
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


def test_encoder_that_fails_half_way(capfd, identity, tools, clip, tmp_path):
    ffmpeg = wrapper(
        tmp_path, PAINTING,
        'case "$*" in *matroska*pipe:0*) head -c 60000 >/dev/null; echo "[x] [error] No space left on device" >&2;'
        ' exit 1;;\n*) exec "$real" "$@";; esac',
    )  # fmt: skip
    status, said = command_line(capfd, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg)
    assert status == 1
    assert "out.mp4: no space left" in said
    assert "hint: free some space" in said
    assert leftovers(tmp_path) == []


def test_file_that_may_not_grow(clip, stylize, tmp_path):
    resource = pytest.importorskip("resource")
    done = subprocess.run(
        [*stylize, str(clip), str(tmp_path / "out.mp4"), "--crf", "0"], capture_output=True, timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert b"encoding failed" in done.stderr
    assert b"Traceback" not in done.stderr
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written(capfd, identity, clip, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    status, said = command_line(capfd, str(clip), str(locked / "out.mp4"))
    assert status == 1
    assert "cannot write in" in said
