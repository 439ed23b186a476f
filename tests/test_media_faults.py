"""Broken tools and sudden ends: a prompt end, a message, nothing half done and nobody left behind."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from test_stylize import SIZE, children, gone, leftovers, wrapper

DECODER = 'case "$*" in *showinfo*) '
ENCODER = 'case "$*" in *matroska*pipe:0*) '
OTHERS = ';;\n*) exec "$real" "$@";; esac'
NOISE = "yes '[x @ 0x1] [warning] noise' | head -10000 >&2"


def finished(command, seconds=30, **options):
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, timeout=seconds, **options)
    assert b"Traceback" not in done.stderr
    return done, time.monotonic() - began


def begun(command, folder, at_least=2, **environment):
    """A running command, once it has this many children; and those."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **environment})
    end = time.monotonic() + 20
    while len(children(process.pid)) < at_least and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    return process, children(process.pid)


@pytest.mark.parametrize("which", [DECODER, ENCODER], ids=["decoder", "encoder"])
def test_flood_of_words_does_no_harm(tools, clip, stylize, tmp_path, which):
    ffmpeg = wrapper(tmp_path, tools.ffmpeg, f'{which} {NOISE}; exec "$real" "$@"{OTHERS}')
    done, _ = finished([*stylize, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg])
    assert done.returncode == 0, done.stderr
    assert len(tools.times(tmp_path / "out.mp4")) == 25


@pytest.mark.parametrize(
    ("which", "script", "message"),
    [
        (DECODER, f'"$real" "$@" | head -c {SIZE * 9 + 100}', b"ended inside a frame"),
        (DECODER, f'"$real" "$@" | head -c {SIZE * 9}; kill -SEGV $$', b"decoding failed"),
        (DECODER, '"$real" "$@"; exec >&- 2>&-; exec sleep 1000', b"does not end"),
        (DECODER, "exit 0", b"no frame could be decoded"),
        (ENCODER, f"head -c {SIZE * 9} >/dev/null; exit 3", b"encoding failed"),
        (ENCODER, f"head -c {SIZE // 2} >/dev/null; kill -KILL $$", b"SIGKILL"),
        (ENCODER, "exit 1", b"encoding failed"),
    ],
    ids=["half a frame", "crash", "no end", "no frame", "encoder dies", "encoder killed", "encoder never starts"],
)
def test_broken_tool(tools, clip, stylize, tmp_path, which, script, message):
    ffmpeg = wrapper(tmp_path, tools.ffmpeg, f"{which} {script}{OTHERS}")
    done, seconds = finished([*stylize, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg])
    assert done.returncode == 1
    assert message in done.stderr
    assert seconds < 15
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("which", "script"),
    [(DECODER, "exec sleep 1000"), (ENCODER, "cat >/dev/null; exec sleep 1000"), (ENCODER, "exec sleep 1000")],
    ids=["silent decoder", "encoder that never ends", "encoder that never reads"],
)
def test_interrupt_ends_a_tool_that_never_does(tools, clip, stylize, tmp_path, which, script):
    ffmpeg = wrapper(tmp_path, tools.ffmpeg, f"{which} {script}{OTHERS}")
    process, _ = begun([*stylize, str(clip), str(tmp_path / "out.mp4"), "--ffmpeg", ffmpeg], tmp_path, 1)
    time.sleep(1.5)
    started = children(process.pid)
    assert started
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=15)[1]
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert gone(started)
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "out.mp4").exists()


def test_our_own_sudden_death_leaves_nobody_and_no_result(tools, stylize, tmp_path):
    long = tools.clip("long.mp4", size="320x240", seconds=8)
    process, started = begun([*stylize, str(long), str(tmp_path / "out.mp4")], tmp_path, RECONET_TEST_DELAY="0.2")
    assert len(started) == 2
    process.kill()
    process.communicate(timeout=10)
    assert gone(started)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("seed", range(4))
def test_signal_at_any_moment(clip, stylize, tmp_path, seed):
    chance = random.Random(seed)
    process, _ = begun([*stylize, str(clip), str(tmp_path / "out.mp4")], tmp_path, 1, RECONET_TEST_DELAY="0.02")
    time.sleep(chance.random())
    started = children(process.pid)
    began = time.monotonic()
    process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM]))
    said = process.communicate(timeout=15)[1]
    assert time.monotonic() - began < 5
    assert b"Traceback" not in said
    # A signal may come when everything is done, even while Python itself is on its way out.
    assert process.returncode in (0, 130, -signal.SIGTERM)
    assert (tmp_path / "out.mp4").exists() == (process.returncode != 130)
    assert gone(started)
    assert leftovers(tmp_path) == []


def test_unreadable_input(clip, stylize, tmp_path):
    locked = tmp_path / "locked.mp4"
    locked.write_bytes(clip.read_bytes())
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read everything")
    done, _ = finished([*stylize, str(locked), str(tmp_path / "out.mp4")])
    assert done.returncode == 1
    assert b"Permission denied" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("form", ["rgb24", "y4m", "matroska"])
def test_full_output_pipe(clip, stylize, form):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*stylize, str(clip), "-", "--format", form], stdout=full, stderr=subprocess.PIPE, timeout=30
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr or b"no space left" in done.stderr
