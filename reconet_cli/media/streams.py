"""Standard input, output and error in whatever state they are handed over: closed, non-blocking, of any encoding."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any

from reconet_cli.errors import MediaError


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


def ready(pipe: Any) -> bool:
    """Whether there is something to read in a pipe, or its end; False where nobody can tell (Windows)."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(pipe.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def write(descriptor: int, data: bytes | memoryview) -> None:
    """Write everything, waiting for room. Raises BrokenPipeError when nobody reads any more."""
    rest = memoryview(data).cast("B")
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


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
