"""What a file's contents are, as a digest: how files are told from others and from later versions of themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_ENDS = 1 << 20


def digest(parts: Iterable[bytes | str | Path]) -> str:
    """SHA-256 of parts, one behind the other, in 64 digits. A path stands for its file's contents. Raises OSError."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        total.update(part.encode(errors="surrogateescape") if isinstance(part, str) else part)
    return total.hexdigest()


def sample(path: Path, *, whole: int = 0) -> bytes:
    """What a large file is known by, together with its size: its first and its last MiB. Raises OSError.

    Files of up to `whole` bytes are read completely. In others, a change in between that keeps the size goes unseen.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= whole:
            return file.read()
        first = file.read(_ENDS)
        file.seek(max(0, size - _ENDS))
        return first + file.read(_ENDS)
