"""Output files, and pictures, that appear under their names only when they are complete."""

from __future__ import annotations

import os
import re
import stat
from contextlib import AbstractContextManager
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.system.files import Part, give_name
from reconet_cli.video.inputs.series import series_pattern, written_pictures


class Unfinished(AbstractContextManager["Unfinished"]):
    """What is written under a hidden name beside its final `path`: write to `part`, then `commit()`.

    `made` is the hidden file, or the hidden folder of pictures; `stale` are those that killed processes had left and
    that are removed already. As a context manager it removes what was not committed. Raises MediaError where the place
    cannot be written.
    """

    def __init__(self, path: Path, place: Path, *, folder: bool = False, replace: bool = True) -> None:
        self.path = path
        try:
            self._hidden = Part(place, folder=folder, replace=replace)
        except OSError as problem:
            raise MediaError(f"cannot write in {place.parent}: {problem.strerror}") from problem
        self.part = self.made = self._hidden.path
        self.stale = self._hidden.stale

    def commit(self) -> None:
        """Give what is finished its name."""
        try:
            self._give_names()
        except OSError as problem:
            raise MediaError(f"cannot write {self.path}: {problem.strerror}") from problem

    def _give_names(self) -> None:
        raise NotImplementedError

    def __exit__(self, *error: object) -> None:
        self._hidden.__exit__(*error)


class Target(Unfinished):
    """A file. Raises MediaError where its place is taken and `overwrite` is False."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        check_target(path, overwrite=overwrite)
        # A link stays a link: what it points to is replaced.
        super().__init__(path, Path(os.path.realpath(path)), replace=overwrite)

    def _give_names(self) -> None:
        try:
            self._hidden.commit()
        except FileExistsError:  # somebody else has made a file of that name meanwhile; this one is not lost
            aside = self._hidden.keep_aside()
            raise MediaError(
                f"{self.path} was made by something else meanwhile: this result is {aside}", "see which one to keep"
            ) from None


class SeriesTarget(Unfinished):
    """Pictures in a folder; `part` is ffmpeg's pattern of them.

    The name is a printf pattern, or a folder with a slash behind it. Raises MediaError where a picture is there and
    `overwrite` is False.
    """

    def __init__(self, name: str, *, overwrite: bool) -> None:
        path = series_pattern(name)
        self._overwrite = overwrite
        place = path.parent.resolve()
        if not overwrite and written_pictures(name):
            raise MediaError(f"{path} is there already", "give another name, or -y to overwrite it")
        if not place.parent.is_dir():
            raise MediaError(f"cannot write {path}: its folder is not there", "make the folder first")
        super().__init__(path, place, folder=True)
        self.part = _doubled(self.made, path.name)

    def _give_names(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        for picture in sorted(self.made.iterdir()):
            give_name(picture, self.path.parent / picture.name, replace=self._overwrite, durable=False)


def _doubled(folder: Path, pattern: str) -> Path:
    """Ffmpeg's pattern of pictures in a folder: a % that begins no number is written twice."""
    before, number, after = re.split(r"(%\d*d)", pattern, maxsplit=1)
    return Path(str(folder).replace("%", "%%")) / "".join((before.replace("%", "%%"), number, after.replace("%", "%%")))


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
