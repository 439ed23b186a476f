"""Whatever goes wrong, in one line: errors of the system and of foreign libraries as errors of this one."""

from __future__ import annotations

import re
import subprocess

from reconet_cli.errors import ReconetError
from reconet_cli.system.deleted_folder import is_gone

# OpenVINO, PyTorch, OpenCV and ONNX Runtime each have errors of their own, and the words are all that they share.
_MEMORY = re.compile(
    r"out of memory|(can.?t|cannot|could not|failed to|unable to) allocate|insufficient memory|bad_alloc",
    re.IGNORECASE,
)
_SOURCE_LINE = re.compile(r"^(Exception from .*|Check '.*' failed at .*):$")
_MOST = 300  # characters


def as_error(problem: Exception, about: str = "") -> ReconetError:
    """The `ReconetError` that says what an exception is (one itself, unchanged); `about` is what it happened to."""
    if isinstance(problem, ReconetError):
        return problem
    start = f"{about}: " if about else ""
    if isinstance(problem, FileNotFoundError) and not problem.filename and is_gone():
        return ReconetError(f"{start}the current folder is gone", "go to another one, or give whole names (/…)")
    if isinstance(problem, OSError):
        name = f"{problem.filename}: " if problem.filename and str(problem.filename) != about else ""
        return ReconetError(f"{start}{name}{problem.strerror or problem or type(problem).__name__}")
    if isinstance(problem, MemoryError) or _MEMORY.search(str(problem)):
        return ReconetError(f"{start}out of memory ({reason(problem)})", "work at a smaller size, or free some memory")
    if isinstance(problem, subprocess.TimeoutExpired):
        command = problem.cmd if isinstance(problem.cmd, str) else problem.cmd[0]
        return ReconetError(f"{start}{command} does not answer: {problem.timeout:g} seconds were not enough")
    return ReconetError(f"{start}{type(problem).__name__}: {reason(problem)}", "--debug shows where it happened")


def reason(problem: BaseException) -> str:
    """The line of a message that says something; libraries begin theirs with their own source files."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    telling = [line for line in lines if not _SOURCE_LINE.match(line)]
    return (telling or lines or [type(problem).__name__])[0][:_MOST]
