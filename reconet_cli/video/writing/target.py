"""Output files that appear under their name only when they are complete."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.system.files import Part


class Target:
    """A file to be written beside its final place: write to `part`, then `commit()`.

    As a context manager it removes the part on the way out unless it was committed; `stale` are parts that killed
    processes had left and that are removed already. Raises MediaError where the place cannot be written, or is taken
    and `overwrite` is False.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path
        check_target(path, overwrite=overwrite)
        place = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
        try:
            self._part = Part(place, replace=overwrite)
        except OSError as problem:
            raise MediaError(f"cannot write in {place.parent}: {problem.strerror}") from problem
        self.part, self.stale = self._part.path, self._part.stale

    def commit(self) -> None:
        """Give the finished part its name."""
        try:
            self._part.commit()
        except FileExistsError:
            raise self._taken() from None
        except OSError as problem:
            raise MediaError(f"cannot write {self.path}: {problem.strerror}") from problem

    def _taken(self) -> MediaError:
        """What to say when somebody else has made a file of that name meanwhile. The finished one is not lost."""
        try:
            aside = self._part.keep_aside()
        except OSError as problem:
            return MediaError(f"cannot write {self.path}: {problem.strerror}")
        return MediaError(
            f"{self.path} was made by something else meanwhile: this result is {aside}", "see which one to keep"
        )

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *error: object) -> None:
        self._part.__exit__(*error)


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
