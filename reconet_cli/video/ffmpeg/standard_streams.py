"""Standard input, output and error in whatever state they are handed over: closed, non-blocking, of any encoding."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from reconet_cli.errors import MediaError

_LOOK = 0.005  # seconds between two looks into a pipe where nothing can be waited for


def settle() -> None:
    """Make the three streams safe to use; for the beginning of a program."""
    if os.name == "posix":
        _occupy()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):  # closed, or somebody's own
            continue
        if os.name == "posix" and not os.get_blocking(stream.fileno()):
            setattr(sys, name, _patient(stream))
        # What an encoding lacks must not end a run: an odd name in a report, or an ellipsis.
        getattr(sys, name).reconfigure(errors="backslashreplace")


def input_descriptor() -> int:
    """The descriptor of standard input. Raises MediaError where it is closed."""
    return _descriptor(sys.stdin, "input", "pipe a video in, or name a file")


def output_descriptor() -> int:
    """The descriptor of standard output. Raises MediaError where it is closed."""
    return _descriptor(sys.stdout, "output", "pipe it on, e.g. `| ffplay -`, or name a file")


def read(descriptor: int, most: int) -> bytes:
    """What there is, up to `most` bytes, waiting for the first; nothing at the end."""
    while True:
        try:
            return os.read(descriptor, most)
        except BlockingIOError:
            select.select([descriptor], [], [])


def read_into(descriptor: int, buffer: memoryview) -> int:
    """The same into a buffer; the number of bytes, 0 at the end."""
    chunk = read(descriptor, len(buffer)) if not hasattr(os, "readv") else None
    if chunk is not None:
        buffer[: len(chunk)] = chunk
        return len(chunk)
    while True:
        try:
            return os.readv(descriptor, [buffer])
        except BlockingIOError:
            select.select([descriptor], [], [])


def ready(descriptor: int, seconds: float = 0.0) -> bool:
    """Whether there is something to read, or the end, waiting for up to `seconds`."""
    if sys.platform == "win32":
        return _ready_on_windows(descriptor, seconds)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def _ready_on_windows(descriptor: int, seconds: float) -> bool:
    """Windows waits for sockets only (`select`), and can look into pipes. Never run."""
    import _winapi
    import msvcrt

    handle, end = msvcrt.get_osfhandle(descriptor), time.monotonic() + seconds  # type: ignore[attr-defined]
    try:
        while not _winapi.PeekNamedPipe(handle)[0]:  # type: ignore[attr-defined]
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK)
    except OSError:  # a pipe that has ended, or a file, which has something at any time
        pass
    return True


def write(descriptor: int, data: bytes | memoryview) -> None:
    """Write everything, waiting for room. Raises BrokenPipeError when nobody reads any more."""
    rest = memoryview(data).cast("B")
    with _gone_readers_told():
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                select.select([], [descriptor], [])


def send(pipe: IO[bytes], data: bytes | memoryview) -> None:
    """Write everything into an unbuffered pipe. Raises BrokenPipeError when its process reads no more."""
    rest = memoryview(data).cast("B")
    with _gone_readers_told():
        while rest:
            rest = rest[pipe.write(rest) :]


def reader_is_gone(problem: OSError, system: str = os.name) -> bool:
    """Whether a pipe could not be written because nobody reads it.

    Windows says "invalid argument" then (https://github.com/python/cpython/issues/63811).
    """
    invalid = problem.errno == errno.EINVAL and problem.filename is None
    return isinstance(problem, BrokenPipeError) or (system == "nt" and invalid)


@contextmanager
def _gone_readers_told() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        if not reader_is_gone(problem):
            raise
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from problem


def _descriptor(stream: Any, name: str, hint: str) -> int:
    try:
        descriptor: int = stream.fileno()
        os.fstat(descriptor)
    except (AttributeError, OSError, ValueError):
        raise MediaError(f"standard {name} is closed", hint) from None
    return descriptor


def _occupy() -> None:
    """Open /dev/null in place of closed streams: a file that got their number would be written to by libraries."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)


def _patient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same stream, waiting where it would fail because its reader is slow."""
    raw = io.BufferedWriter(_Patient(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(raw, encoding=stream.encoding, line_buffering=stream.line_buffering)


class _Patient(io.FileIO):
    def write(self, data: Any) -> int:
        write(self.fileno(), data)
        return memoryview(data).nbytes
