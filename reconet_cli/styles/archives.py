"""Styles in zip files. A zip may come from anywhere: its names choose no place, and its sizes are not believed."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from reconet_cli.errors import StyleError
from reconet_cli.styles.finding import WEIGHTS

MOST_ENTRIES = 1000
_BLOCK = 1 << 18
_DATE = (1980, 1, 1, 0, 0, 0)  # the same style gives the same zip


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(path: Path, target: Path, wanted: Callable[[str], int]) -> str:
    """Write the files of a zip's one style into `target`, under their plain names; the name of its folder, or "".

    The style is the folder with weights. `wanted` says how many bytes a file of that name may have, 0 for one that is
    left out. Raises `StyleError`, also where any name in the zip leads out of it.
    """
    with _reading(path), zipfile.ZipFile(path) as archive:
        found = {entry: PurePosixPath(entry.filename) for entry in _entries(path, archive)}
        found = {entry: place for entry, place in found.items() if wanted(place.name)}
        folders = {place.parent for place in found.values() if place.suffix == WEIGHTS}
        if len(folders) != 1:
            raise StyleError(f"{path.name} holds {len(folders) or 'no'} styles", "give a zip of one style's folder")
        folder = folders.pop()
        entries = [entry for entry, place in found.items() if place.parent == folder]
        names = [found[entry].name for entry in entries]
        if len(set(map(str.casefold, names))) < len(names):
            raise StyleError(f"{path.name} holds two files of one name", "it is damaged or hostile; make it anew")
        for entry, name in zip(entries, names, strict=True):
            _extract(archive, entry, target / name, wanted(name))
    return folder.name


def pack(path: Path, folder: str, files: dict[str, Path | bytes]) -> None:
    """Write a zip of files, by their names in one folder. Raises OSError."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content.read_bytes() if isinstance(content, Path) else content)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as problem:
        # What can be wrong with a zip has no common type: a password is a RuntimeError, numbers are ValueErrors.
        raise StyleError(f"{path.name} is a damaged or foreign zip: {problem}", "fetch or make it again") from problem


def _entries(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of a zip. Raises `StyleError` where one is none, or leads anywhere else."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise StyleError(f"{path.name} holds {len(entries)} files", "a style has fewer than ten")
    for entry in entries:
        name = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
            raise StyleError(f"{path.name} holds a file that would lie outside of it: {name!r}", "do not trust it")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise StyleError(f"{path.name} uses an unusual compression method", "unpack it and give the folder")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise StyleError(f"{path.name} holds a link or a device: {name!r}", "a style has plain files only")
    return [entry for entry in entries if not entry.is_dir()]


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> None:
    size = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > most:
                raise StyleError(f"{entry.filename} is larger than {most >> 20} MB", "no style has such a file")
            file.write(block)
