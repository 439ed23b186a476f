"""Python itself, memory and disk."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconet_cli import __version__
from reconet_cli.diagnosis.finding import Finding
from reconet_cli.system.memory import free_memory
from reconet_cli.system.processors import processors

_LITTLE = 1 << 30  # bytes


def examine_machine() -> Iterator[Finding]:
    """Versions, processors, free memory, free disk space here and where temporary files go."""
    yield Finding("reconet", "ok", __version__)
    yield Finding("Python", "ok", f"{platform.python_version()}, {sys.executable}")
    yield Finding("machine", "ok", f"{platform.system()} {platform.machine()}, {processors()} processors")
    free = free_memory()
    if free is not None:
        yield _amount("free memory", free, "paint at a smaller size (--scale 0.5), or close other programs")
    for about, folder in (("disk space here", "."), ("space for temporary files", tempfile.gettempdir())):
        try:
            yield _amount(about, shutil.disk_usage(folder).free, "make room, or work on another disk", folder)
        except OSError as problem:
            yield Finding(about, "warning", f"{folder}: {problem.strerror}", "go to a folder that is there")


def _amount(about: str, free: int, advice: str, where: str = "") -> Finding:
    value = f"{free / (1 << 30):.1f} GiB{f' in {Path(where).resolve()}' if where else ''}"
    return Finding(about, "warning", value, advice) if free < _LITTLE else Finding(about, "ok", value)
