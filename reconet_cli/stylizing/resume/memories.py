"""Files of what the painter remembers behind a segment."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.stage import Memory


def save_memory(path: Path, memory: Memory) -> None:
    """Write arrays by name. Raises OSError."""
    np.savez(path, **memory)  # type: ignore[arg-type]


def load_memory(path: Path) -> Memory:
    """The arrays of `save_memory`. Raises MediaError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise MediaError(f"{path} is damaged", f"remove {path.parent}, to begin anew") from problem


def is_whole(path: Path, size: int) -> bool:
    """Whether `save_memory` wrote this file, of so many bytes, and nothing has changed it."""
    try:
        return path.stat().st_size == size and zipfile.ZipFile(path).testzip() is None
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
        return False
