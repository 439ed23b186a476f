"""Numbered or gathered pictures as a video, and the names of those that are written."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.inputs.preparing import as_one_kind
from reconet_cli.video.probing.source import PHOTOGRAPH_SUFFIXES, PICTURE_SUFFIXES, Source, file_url

DEFAULT_NAME = "%06d.png"
_PATTERN = re.compile(r"%(?:0\d+)?d")


def is_pattern(path: Path) -> bool:
    """True for a printf pattern of pictures' names, such as frame-%04d.png."""
    return len(_PATTERN.findall(path.name)) == 1 and path.suffix.lower() in PICTURE_SUFFIXES


def pictures_of(path: Path) -> list[Path]:
    """The pictures of a folder, or those that a printf pattern names, by their numbers. Raises MediaError for none."""
    folder = path if path.is_dir() else path.parent
    fits = re.compile(".*" if path.is_dir() else _as_expression(path.name), re.DOTALL)
    try:
        names = [name for name in os.listdir(folder) if fits.fullmatch(name)]
    except OSError as problem:
        raise MediaError(f"{folder}: {problem.strerror}", "check the name of the input") from problem
    found = sorted((folder / name for name in names if _is_picture(folder / name)), key=by_numbers)
    if not found:
        if path.is_dir():
            raise MediaError(f"{path} is a folder without pictures", "a folder of videos needs --output-dir")
        raise MediaError(f"no picture is called like {path}", "check the name of the input")
    return found


def series_source(path: Path, rate: Fraction, folder: Path) -> Source:
    """Address pictures as a video of constant rate, through a list for ffmpeg in an empty `folder`."""
    # A leading ./ would be lost and a % taken for a number, were the names not absolute and patterns off.
    each = f"option framerate {rate}\noption pattern_type none\noption format_whitelist {formats.PICTURES}\n"
    each += f"duration {float(1 / rate):.9f}\n"
    lines = ["ffconcat version 1.0\n"]
    pictures, notes = as_one_kind([picture.resolve() for picture in pictures_of(path)], str(path), folder)
    for number, place in enumerate(pictures):
        if set(str(place)) & {"\n", "\r"}:  # the list has no way to write these
            link = folder / f"{number}{place.suffix}"
            link.symlink_to(place)
            place = link
        lines.append(f"file {_quoted(file_url(place))}\n{each}")
    listing = folder / "pictures.ffconcat"
    listing.write_bytes(os.fsencode("".join(lines)))
    return Source(
        file_url(listing), str(path), {"f": "concat", "safe": 0, **formats.alone("file", "concat")}, notes=notes
    )


def _quoted(url: str) -> str:
    return "'" + url.replace("'", "'\\''") + "'"


def _is_picture(path: Path) -> bool:
    known = path.suffix.lower() in (*PICTURE_SUFFIXES, *PHOTOGRAPH_SUFFIXES)
    return known and path.is_file() and not path.name.startswith(".")


def by_numbers(path: Path) -> list[tuple[int, str]]:
    """A key that puts 9 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def _as_expression(pattern: str) -> str:
    before, after = re.split(r"%\d*d", pattern, maxsplit=1)
    return re.escape(before) + r"\d+" + re.escape(after)


def written_pictures(name: str) -> list[Path]:
    """The files that are there under names that an output of many pictures may use."""
    pattern = series_pattern(name)
    fits = re.compile(_as_expression(pattern.name), re.DOTALL)
    try:
        return [pattern.with_name(there) for there in os.listdir(pattern.parent) if fits.fullmatch(there)]
    except OSError:
        return []


def series_pattern(name: str) -> Path:
    """The printf pattern of an output: `name` itself, or the usual one in a folder."""
    return Path(name) / DEFAULT_NAME if name.endswith(("/", os.sep)) else Path(name)
