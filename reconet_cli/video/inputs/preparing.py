"""Pictures whose orientation, color profile or inks ffmpeg does not know, as temporary copies without them."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from reconet_cli.errors import MediaError
from reconet_cli.system.standard_picture import HEAD, Standard, is_photograph, may_need_work, opaque, standard
from reconet_cli.video.probing.source import Source, file_url

_MOST_NOTES = 4
_PNG = b"\x89PN"


def prepared(source: Source, path: Path, stack: ExitStack) -> Source:
    """The same source; instead of a picture that needs it an upright copy in sRGB, until `stack` is closed.

    Raises MediaError where the copy cannot be written, or the picture is one that ffmpeg would show a part of.
    """
    picture = _standard(path)
    if picture is None:
        if is_photograph(_head(path)):
            _refuse(source.name)
        return source
    copy = _write(picture, temporary_folder(stack) / "picture.png")
    notes = tuple(f"{source.name}: {change}" for change in picture.changes)
    # What was said of the name of the original does not hold for the copy.
    options = {name: value for name, value in source.options.items() if name not in ("f", "pattern_type")}
    return replace(source, url=file_url(copy), options=options, notes=notes)


def temporary_folder(stack: ExitStack) -> Path:
    """An empty folder until `stack` is closed."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconet-", ignore_cleanup_errors=True)))


def as_one_kind(paths: list[Path], name: str, folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """What to read for the pictures of the series `name`: themselves, or copies in `folder`; and sentences about it.

    ffmpeg goes through a list with a single decoder, so where there are copies, or pictures of several kinds, all but
    PNGs are copied. Raises MediaError where a copy cannot be written.
    """
    changes: Counter[str] = Counter()
    read, kinds = [], set()
    for number, path in enumerate(paths):
        if (picture := _standard(path)) is not None:
            changes.update(picture.changes)
            path = _write(picture, folder / f"{number}.png")
        elif is_photograph(_head(path)):
            _refuse(str(path))
        read.append(path)
        kinds.add(_head(path)[:3])  # the fourth byte of a JPEG differs among them
    if len(kinds) > 1:
        read = [_as_png(path, folder / f"{number}.png") for number, path in enumerate(read)]
    return read, tuple(f"{name}: {_counted(count)}: {what}" for what, count in changes.most_common(_MOST_NOTES))


def _counted(number: int) -> str:
    return f"{number} picture{'s' * (number != 1)}"


def _head(path: Path) -> bytes:
    """What tells a picture's kind."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _as_png(path: Path, place: Path) -> Path:
    """A copy of a picture that is no PNG; itself where it cannot be read."""
    if _head(path).startswith(_PNG):
        return path
    try:
        picture = opaque(path.read_bytes())
    except OSError:
        return path
    return path if picture is None else _write(picture, place)


def _refuse(name: str) -> NoReturn:
    """Old ffmpegs would show a single tile of it, upright or not."""
    raise MediaError(
        f"{name} is an AVIF or HEIC picture that cannot be read: it is damaged, or of a kind that is not known here",
        "convert it to JPEG or PNG; HEIC needs the Python package pi-heif",
    )


def _standard(path: Path) -> Standard | None:
    try:
        if not path.is_file():  # what a pipe or a device has given is gone
            return None
        with path.open("rb") as file:
            head = file.read(HEAD)
            return standard(head + file.read()) if may_need_work(head) else None
    except OSError:  # whoever reads it next says so
        return None


def _write(picture: Standard, place: Path) -> Path:
    try:
        place.write_bytes(picture.png())
    except OSError as problem:
        raise MediaError(
            f"cannot write {place}: {problem.strerror or problem}", "TMPDIR names a folder for temporary files"
        ) from problem
    return place
