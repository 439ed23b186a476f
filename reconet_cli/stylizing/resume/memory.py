"""What a painter remembers of the frames so far, as a file beside its segments."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.stage import Memory


def save_memory(path: Path, memory: Memory) -> int:
    """Write arrays by name and return the file's size, by which a whole one is known. Raises OSError."""
    np.savez(path, **memory)  # type: ignore[arg-type]
    return path.stat().st_size


def load_memory(path: Path) -> Memory:
    """The arrays of `save_memory`. Raises MediaError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise MediaError(f"{path} is damaged", f"remove {path.parent}, to begin anew") from problem
