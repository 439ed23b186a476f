"""Broken tools and sudden ends: a prompt end, a message, nothing half done and nobody left behind."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import forks
import pytest
from conftest import PAINTING
from processes import PATIENCE, children, gone, until, works_with
from test_stylize import BOTH, SIZE, command_line, leftovers, wrapper

DECODER = 'case "$*" in *showinfo*) '
ENCODER = 'case "$*" in *matroska*pipe:0*) '
OTHERS = ';;\n*) exec "$real" "$@";; esac'
NOISE = "yes '[x @ 0x1] [warning] noise' | head -10000 >&2"


def finished(command, **options):
    done = forks.run(command, capture_output=True, timeout=PATIENCE, **options)
    assert b"Traceback" not in done.stderr
    return done


def begun(command, *words, **environment):
    """A running command, once its children's command lines have these words."""
    process = forks.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **environment})
    until(lambda: works_with(process, *words), process)
    return process


@pytest.mark.parametrize("which", [DECODER, ENCODER], ids=["decoder", "encoder"])
def test_flood_of_words_does_no_harm(capfd, identity, tools, clip, tmp_path, which):
    ffmpeg = wrapper(tmp_path, PAINTING, f'{which} {NOISE}; exec "$real" "$@"{OTHERS}')
    status, said = command_line(capfd, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg)
    assert status == 0, said
    assert len(tools.times(tmp_path / "out.mp4")) == 25


@pytest.mark.parametrize(
    ("which", "script", "message"),
    [
        (DECODER, f'"$real" "$@" | head -c {SIZE * 9 + 100}', "ended inside a frame"),
        (DECODER, f'"$real" "$@" | head -c {SIZE * 9}; kill -SEGV $$', "decoding failed"),
        (DECODER, '"$real" "$@"; exec >&- 2>&-; exec sleep 1000', "does not end"),
        (DECODER, "exit 0", "no frame could be decoded"),
        (ENCODER, f"head -c {SIZE * 9} >/dev/null; exit 3", "encoding failed"),
        (ENCODER, f"head -c {SIZE // 2} >/dev/null; kill -KILL $$", "SIGKILL"),
        (ENCODER, "exit 1", "encoding failed"),
        (DECODER, "yes", "more than the frames that it tells of"),
        (DECODER, '"$real" "$@"; echo more', "more than the frames that it tells of"),
        (DECODER, "exec >&-; exec sleep 1000", "does not end"),
        (ENCODER, "cat >/dev/null", "0 of 25 frames"),
        (ENCODER, 'cat >/dev/null; for out; do :; done; echo little >"${out#file:}"', "0 of 25 frames"),
        (ENCODER, f'head -c {SIZE * 9} | "$real" "$@"; cat >/dev/null', " of 25 frames"),
    ],
    ids=[
        "half a frame",
        "crash",
        "no end",
        "no frame",
        "encoder dies",
        "encoder killed",
        "encoder never starts",
        "nothing told",
        "a few bytes more",
        "silence without end",
        "nothing written",
        "little written",
        "frames left out",
    ],
)
def test_broken_tool(capfd, identity, tools, clip, tmp_path, which, script, message):
    ffmpeg = wrapper(tmp_path, PAINTING, f"{which} {script}{OTHERS}")
    status, said = command_line(capfd, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg)
    assert status == 1
    assert message in said
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("which", "script"),
    [(DECODER, "exec sleep 1000"), (ENCODER, "cat >/dev/null; exec sleep 1000"), (ENCODER, "exec sleep 1000")],
    ids=["silent decoder", "encoder that never ends", "encoder that never reads"],
)
def test_interrupt_ends_a_tool_that_never_does(tools, clip, stylize, tmp_path, which, script):
    ffmpeg = wrapper(tmp_path, PAINTING, f"{which} {script}{OTHERS}")
    process = begun([*stylize, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg], "sleep 1000")
    started = children(process.pid)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert gone(started)
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


def test_our_own_sudden_death_leaves_nobody_and_no_result(tools, stylize, tmp_path):
    long = tools.clip("long.mp4", size="320x240", seconds=8)
    process = begun([*stylize, str(long), str(tmp_path / "out.mp4")], *BOTH, RECONET_TEST_STOP="20")
    started = children(process.pid)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert gone(started)
    assert not (tmp_path / "out.mp4").exists()
    (left,) = leftovers(tmp_path)
    done = finished([*stylize, str(long), str(tmp_path / "out.mp4"), "--duration", "0.2"])
    assert f"{left} is removed: a killed run had left it".encode() in done.stderr
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seed", range(2))
def test_signal_at_any_moment(tools, clip, stylize, tmp_path, number, seed):
    out = tmp_path / "out.mp4"
    process = begun([*stylize, str(clip), str(out)], "clip.mp4", RECONET_TEST_DELAY="0.02")
    time.sleep(random.Random(seed).random())
    started = children(process.pid)
    process.send_signal(number)
    said = process.communicate(timeout=PATIENCE)[1]
    assert b"Traceback" not in said
    # It may come when the file has its name, which is not undone, and even while Python itself is on its way out.
    assert process.returncode in (0, 130, -number)
    if out.exists() or process.returncode != 130:
        assert len(tools.times(out)) == 25
    assert gone(started)
    assert leftovers(tmp_path) == []


def test_unreadable_input(clip, stylize, tmp_path):
    locked = tmp_path / "locked.mp4"
    locked.write_bytes(clip.read_bytes())
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read everything")
    done = finished([*stylize, str(locked), str(tmp_path / "out.mp4")])
    assert done.returncode == 1
    assert b"Permission denied" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("form", ["rgb24", "y4m", "matroska"])
def test_full_output_pipe(clip, stylize, form):
    with open("/dev/full", "wb") as full:
        done = forks.run(
            [*stylize, str(clip), "-", "--format", form], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr or b"no space left" in done.stderr
