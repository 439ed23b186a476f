"""What a command finds around it: variables, closed or impatient streams, encodings."""

import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import forks
import numpy as np
import pytest
from processes import PATIENCE

from reconet_cli.errors import StyleError
from reconet_cli.styles.finding import find_style
from reconet_cli.system.failures import as_error
from reconet_cli.system.folders import cache_folder, styles_folder

RAW = ["--format", "rgb24"]


def run(command, **options):
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, **options)
    assert b"Traceback" not in done.stderr
    return done


def run_fork(command, **options):
    done = forks.run(command, capture_output=True, timeout=PATIENCE, **options)
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("name", ["AV_LOG_FORCE_COLOR", "AV_LOG_FORCE_256COLOR"])
def test_a_colored_log_does_not_hide_the_frames(tools, clip, stylize, tmp_path, name):
    done = run_fork([*stylize, str(clip), str(tmp_path / "out.mp4")], env={**os.environ, name: "1"})
    assert done.returncode == 0, done.stderr
    assert len(tools.times(tmp_path / "out.mp4")) == 25


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_not_needed_may_be_closed(tools, clip, stylize, tmp_path, closed):
    done = run(["sh", "-c", f'exec "$@" {closed}', "sh", *stylize, str(clip), str(tmp_path / "out.mp4")])
    assert done.returncode == 0, done.stderr
    assert len(tools.times(tmp_path / "out.mp4")) == 25


@pytest.mark.parametrize(
    ("closed", "source", "target", "message"),
    [("<&-", "-", "out.mp4", b"standard input is closed"), (">&-", "clip.mp4", "-", b"standard output is closed")],
)
def test_streams_that_are_needed_and_closed(clip, stylize, tmp_path, closed, source, target, message):
    (tmp_path / "clip.mp4").symlink_to(clip)
    done = run(["sh", "-c", f'exec "$@" {closed}', "sh", *stylize, source, target], cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("form", ["rgb24", "y4m"])
def test_pipes_in_non_blocking_mode_lose_nothing(tools, clip, stylize, form):
    muxer = ["-f", "yuv4mpegpipe"] if form == "y4m" else ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    data = tools.run("-i", clip, *muxer, "-").stdout
    shape = ["--size", "96x64", "--fps", "25"] if form == "rgb24" else []
    expected = run_fork([*stylize, "-", "-", *shape, *RAW], input=data).stdout
    read, write = os.pipe()
    back, out = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(out, False)
    process = forks.Popen([*stylize, "-", "-", *shape, *RAW], stdin=read, stdout=out, stderr=subprocess.PIPE)
    os.close(read)
    os.close(out)
    if os.fork() == 0:  # a writer that pauses, so that there is nothing to read for a while
        for start in range(0, len(data), 150_000):
            os.write(write, data[start : start + 150_000])
            time.sleep(0.02)
        os._exit(0)
    os.close(write)
    got = bytearray()
    while chunk := os.read(back, 40_000):  # a reader that is slower than the painting
        got += chunk
        time.sleep(0.005)
    os.close(back)
    said = process.communicate(timeout=PATIENCE)[1]
    os.wait()
    assert process.returncode == 0, said
    assert b"Traceback" not in said
    assert len(expected) == 25 * 96 * 64 * 3
    assert bytes(got) == expected


def test_text_that_an_encoding_lacks(clip, stylize, tmp_path):
    (tmp_path / "ж.mp4").symlink_to(clip)
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = run([*stylize, "ж.mp4", "--output-dir", "out", "--duration", "0.2"], env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"\\u0436.mp4" in done.stdout


def test_a_current_folder_that_is_gone(tmp_path):
    names = [str(tmp_path / name) for name in ("a.png", "b.png", "out.flo")]
    for name in names[:2]:
        cv2.imwrite(name, np.full((32, 32, 3), 90, np.uint8))
    gone = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    flow = [sys.executable, "-m", "reconet_cli", "flow"]
    done = run(["sh", "-c", gone, str(tmp_path / "gone"), *flow, *names])
    assert done.returncode == 0, done.stderr
    assert Path(names[2]).is_file()


def test_a_relative_name_in_a_folder_that_is_gone(monkeypatch):
    def getcwd():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", getcwd)
    with pytest.raises(FileNotFoundError) as caught:
        os.getcwd()
    assert as_error(caught.value).message == "the current folder is gone"


def test_a_user_without_a_home(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 123456)  # nobody's
    for folder in (cache_folder("models"), styles_folder()):
        assert folder.is_absolute()
        with pytest.raises(NotADirectoryError):
            folder.mkdir(parents=True)
    with pytest.raises(StyleError, match="no style"):
        find_style("~/mine.safetensors")


def test_help_without_doc_strings():
    look = (
        "from reconet_cli.cli import COMMANDS, cli\n"
        "print([name for name in COMMANDS if not cli.get_command(None, name).help], cli.help)"
    )
    done = run([sys.executable, "-OO", "-c", look])
    assert done.stdout.startswith(b"[] Turn"), done.stdout + done.stderr
