"""Children: heard, ended, reaped."""

import errno
import os
import subprocess
import sys

import pytest

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.process import Process
from reconet_cli.video.ffmpeg.standard_streams import reader_is_gone, ready
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import file_source


def python(code: str, **options) -> Process:
    return Process([sys.executable, "-c", code], **options)


def test_noisy_child_does_not_block_and_its_tail_is_bounded():
    process = python(
        "import sys\n"
        "mark, end = '\\x1b[1;31m', '\\x1b[0m'\n"
        "for i in range(20000): print(f'{mark}[x @ 0x1] {end}{mark}[error] {end}{mark}number {i}', file=sys.stderr)\n"
        "print(f'{end}{mark}[fatal] {end}Conversion failed!', file=sys.stderr)\n"
        "sys.exit(3)"
    )
    assert process.wait() == 3
    assert process.error_count == 20001
    assert process.problem() == "number 19999"
    assert process.said("number 19990")
    assert not process.said("number 10 ")


def test_words_without_a_mark_are_kept_as_last_words():
    process = python("import sys; sys.exit('ffmpeg: cannot open shared object')")
    assert process.wait() == 1
    assert process.error_count == 0
    assert "shared object" in process.problem()


def test_what_is_not_colored_is_no_error():
    process = python("import sys; print('[x @ 0x1] [error] said by a title', file=sys.stderr)")
    assert process.wait() == 0
    assert process.error_count == 0


def test_signal_is_named():
    process = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert process.wait() == -9
    assert "SIGKILL" in process.problem()


def test_abort_ends_a_child_that_ignores_sigterm():
    process = python(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(1000)",
        stdout=subprocess.PIPE,
    )
    assert process.stdout.read(5) == b"ready"
    process.abort()
    assert not process.running
    process.abort()  # a second time does nothing
    process.stdout.close()
    with pytest.raises(ChildProcessError):  # it was reaped: there is no zombie to wait for
        os.waitpid(process.pid, 0)


def test_child_has_a_session_of_its_own():
    process = python("input()", stdin=subprocess.PIPE)
    try:
        assert os.getsid(process.pid) == process.pid
        assert os.getsid(0) != process.pid
    finally:
        process.close_stdin()
        process.abort()


def test_a_reader_that_is_gone_by_its_name_on_each_system():
    assert reader_is_gone(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    invalid = OSError(errno.EINVAL, "Invalid argument")
    assert [reader_is_gone(invalid, system) for system in ("nt", "posix")] == [True, False]
    assert not reader_is_gone(OSError(errno.EINVAL, "Invalid argument", "a?b.mp4"), "nt")
    assert not reader_is_gone(OSError(errno.ENOSPC, "No space left on device"), "nt")


def test_what_can_be_read_and_the_end_are_noticed():
    reading, writing = os.pipe()
    assert not ready(reading)
    os.write(writing, b"x")
    assert ready(reading)
    os.read(reading, 1)
    assert not ready(reading, 0.01)
    os.close(writing)
    assert ready(reading, 60)
    os.close(reading)


def test_program_that_is_not_there():
    with pytest.raises(MediaError, match="cannot start /nowhere/ffmpeg"):
        Process(["/nowhere/ffmpeg"])


@pytest.mark.parametrize("line", ["y", "[error] the same again", "y" * 100_000], ids=["short", "marked", "long"])
def test_log_without_end_ends_the_child(monkeypatch, line):
    monkeypatch.setattr("reconet_cli.video.ffmpeg.process.MOST_SAID", 1 << 20)
    process = python(f"import sys\nwhile True: print({line!r}, file=sys.stderr)")
    assert process.wait() < 0
    assert process.problem() == "ffmpeg writes a log without end"


@pytest.mark.parametrize("script", ["exec sleep 1000", "exec yes", "yes >&2"], ids=["silent", "answers", "logs"])
def test_probing_ends_though_the_tool_does_not(monkeypatch, tmp_path, script):
    monkeypatch.setattr("reconet_cli.video.ffmpeg.process.MOST_SAID", 1 << 20)
    monkeypatch.setattr("reconet_cli.video.probing.probe.LONGEST_ANSWER", 1 << 20)
    monkeypatch.setattr("reconet_cli.video.probing.probe.PATIENCE", 2.0)
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "clip.mp4").write_bytes(b"content")
    with pytest.raises(MediaError):
        probe(str(tmp_path / "ffmpeg"), file_source(tmp_path / "clip.mp4"))
