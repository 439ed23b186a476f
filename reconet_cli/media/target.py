"""Output files that appear under their name only when they are complete."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from types import TracebackType

from reconet_cli.errors import MediaError


class Target:
    """A file to be written beside its final place: write to `part`, then `commit()`.

    As a context manager it removes the part on the way out unless it was committed. Raises MediaError where
    the place cannot be written, or is taken and `overwrite` is False.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path
        self._place = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
        check_target(path, overwrite=overwrite)
        # The ending stays last, because ffmpeg and people go by it.
        name = f".{path.stem[:100]}.{secrets.token_hex(4)}.part{path.suffix}"
        self.part = self._place.with_name(name)
        try:
            # Created here and now, so that a folder that cannot be written is known before any work.
            os.close(os.open(self.part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as problem:
            raise MediaError(f"cannot write in {self._place.parent}: {problem.strerror}") from problem

    def commit(self) -> None:
        """Give the finished part its name."""
        try:
            os.replace(self.part, self._place)
        except OSError as problem:
            raise MediaError(f"cannot write {self.path}: {problem.strerror}") from problem

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.part.unlink(missing_ok=True)


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise MediaError where `path` is a folder, a device, in no folder, or there and not to be replaced."""
    try:
        status = path.stat()
    except FileNotFoundError:
        if not path.resolve().parent.is_dir():
            raise MediaError(f"cannot write {path}: its folder is not there", "make the folder first") from None
        return
    except OSError as problem:
        raise MediaError(f"cannot write {path}: {problem.strerror}") from problem
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path} is a folder", "give the name of the file to write")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path} is not a plain file", "use - to write to a pipe")
    if not overwrite:
        raise MediaError(f"{path} is there already", "give another name, or -y to overwrite it")
