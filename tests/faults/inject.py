"""Ways to break something."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.faults.trial import Trial
from tests.processes import works_with

_WORDS = {"decoder": "showinfo", "encoder": "fpsprobesize"}  # in their command lines
_DECODER, _ENCODER = 'case "$*" in *showinfo*) ', 'case "$*" in *matroska*pipe:0*) '
_REST = ';;\n*) exec "$real" "$@";; esac'


def send(trial: Trial, process: subprocess.Popen[bytes], who: str, number: int, within: float) -> None:
    """Send a signal at a random moment: to the process itself, its group, or its decoder or encoder."""
    if who in _WORDS:
        while process.poll() is None and not (found := works_with(process, _WORDS[who])):
            time.sleep(0.002)
        time.sleep(trial.random.uniform(0, 0.1))
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(found[0], number)
        return
    time.sleep(trial.random.uniform(0, within))
    if process.poll() is None:
        (os.killpg if who == "group" else os.kill)(process.pid, number)


def file_limit(size: int) -> Callable[[], None]:
    """Let no file of a child grow beyond a size."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[], None] | None]:
    """A disk of `size` bytes at a folder, and what makes it larger; None where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    if os.geteuid() or subprocess.run([*mount, f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True) and None
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def damaged(random: Random, content: bytes) -> bytes:
    """Content with bits flipped, cut off, with parts swapped, or with a part of noise."""
    data = bytearray(content)
    at, other = sorted(random.randrange(len(data)) for _ in range(2))
    length = min(random.randint(1, 400), other - at, len(data) - other)
    kind = random.choice(["flips", "cut", "swap", "noise"])
    if kind == "flips":
        # Headers are at the beginning.
        reach = random.choice([64, 1024, len(data)])
        for _ in range(random.randint(1, 20)):
            data[random.randrange(min(reach, len(data)))] ^= 1 << random.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "swap":
        data[at : at + length], data[other : other + length] = data[other : other + length], data[at : at + length]
    else:
        data[at : at + length] = random.randbytes(length)
    return bytes(data)


def damage(random: Random, path: Path) -> None:
    """The same to a file."""
    if content := path.read_bytes():
        path.write_bytes(damaged(random, content))


def lying_ffmpeg(trial: Trial) -> str:
    """An ffmpeg that is a script around the real one; its path."""
    count, status = trial.random.randrange(96 * 64 * 3 * 60), trial.random.randrange(4)
    script = trial.random.choice([
        f'{_DECODER} "$real" "$@" | head -c {count}; exit {status}{_REST}',
        f'{_DECODER} "$real" "$@"; exit {status}{_REST}',
        f'{_DECODER} "$real" "$@"; head -c {count % 1000} /dev/zero; exit {status}{_REST}',
        f'{_DECODER} "$real" "$@"; status=$?; sleep {status}; exit $status{_REST}',
        f'{_DECODER} head -c {count} /dev/zero; exit {status}{_REST}',
        f'{_DECODER} {{ "$real" "$@" 2>&1 >&3 | sed "s/ s:96x64/ s:{status + 95}x64/" >&2; }} 3>&1{_REST}',
        f'{_ENCODER} head -c {count} | "$real" "$@"; exit {status}{_REST}',
        f'{_ENCODER} head -c {count} >/dev/null; exit {status}{_REST}',
        f'{_ENCODER} "$real" "$@"; exit {status}{_REST}',
        f'{_ENCODER} "$real" "$@"; status=$?; sleep {status}; exit $status{_REST}',
        f'{_ENCODER} cat >/dev/null; for o; do :; done; head -c {count % 5000} /dev/urandom >"${{o#file:}}"{_REST}',
        f'"$real" "$@" 2>&1 | sed "s/96x64/{status + 95}x64/" >&2',
        '"$real" "$@" 2>/dev/null',
    ])  # fmt: skip
    path = trial.log.with_name("ffmpeg")
    path.write_text(f"#!/bin/sh\nreal='{trial.material.ffmpeg}'\n{script}\n")
    path.chmod(0o755)
    return str(path)


SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP}
