"""Which inputs, and what their outputs are called."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.video.probing.source import PHOTOGRAPH_SUFFIXES, PICTURE_SUFFIXES
from reconet_cli.video.writing.containers import CONTAINERS

FIELDS = ("stem", "style", "suffix", "folder")
NAME = "{stem}-{style}{suffix}"
APART = 'tell them apart with --name, such as "{folder}-{stem}{suffix}"'
# Kinds that are taken from a folder and cannot be written; they become the first of CONTAINERS.
_READ_ONLY = (".3gp", ".asf", ".flv", ".m2v", ".mpeg", ".mpg", ".mxf", ".ogv", ".vob", ".wmv", ".y4m")
_WRITTEN = (*CONTAINERS, *PICTURE_SUFFIXES)


@dataclass(frozen=True)
class Item:
    """An input, as the user wrote it or as it was found in a folder, and its output."""

    source: str
    target: Path


def check_name(template: str) -> None:
    """Raise ValueError for a template that `{stem}`, `{style}`, `{suffix}` and `{folder}` do not fill."""
    try:
        used = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
        template.format(**dict.fromkeys(FIELDS, ""))
    except (ValueError, KeyError, IndexError, AttributeError):
        used = {""}
    if not used <= set(FIELDS) or not template:
        raise ValueError(f"{template!r} is no name; the fields are {{{'} {'.join(FIELDS)}}}")


def list_items(paths: Sequence[str], folder: Path, template: str, style: str) -> list[Item]:
    """An item for every input; of folders, for the videos and pictures directly in them, in the order of their names.

    An input that is named twice is taken once, and what an earlier run has painted into one of the folders is no
    input. Raises MediaError where nothing is found or two outputs would have the same name.
    """
    items = [item_of(source, folder, template, style) for source in _sources(paths)]
    named = {_place(path) for path in paths}
    painted = {_place(item.target) for item in items}
    items = [item for item in items if _place(item.source) not in painted - named]
    if not items:
        raise MediaError(f"no video or picture in {', '.join(paths)}", "name files, or folders with files in them")
    first: dict[Path, str] = {}
    for item in items:
        other = first.setdefault(_place(item.target), item.source)
        if other != item.source:
            raise MediaError(f"{other} and {item.source} would both become {item.target}", APART)
    return items


def item_of(source: str, folder: Path, template: str, style: str) -> Item:
    """The item of one input."""
    return Item(source, folder / _name(source, template, style))


def _sources(paths: Sequence[str]) -> list[str]:
    found: dict[Path, str] = {}
    for path in paths:
        inside = [str(file) for file in files_in(Path(path))] if Path(path).is_dir() else [path]
        for source in inside:
            found.setdefault(_place(source), source)
    return list(found.values())


def files_in(folder: Path) -> list[Path]:
    """The videos and pictures directly in a folder, by their names; no hidden ones. Raises MediaError."""
    wanted = {*_WRITTEN, *_READ_ONLY, *PHOTOGRAPH_SUFFIXES}
    try:
        inside = sorted(folder.iterdir())
    except OSError as problem:
        raise MediaError(f"{folder}: {problem.strerror}") from problem
    return [file for file in inside if file.suffix.lower() in wanted and file.name[0] != "." and file.is_file()]


def _name(source: str, template: str, style: str) -> str:
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in PHOTOGRAPH_SUFFIXES:
        suffix = ".png"
    return template.format(
        stem=path.stem,
        style=style,
        suffix=suffix if suffix in _WRITTEN else next(iter(CONTAINERS)),
        folder=path.resolve().parent.name,
    )


def _place(path: str | Path) -> Path:
    return Path(path).resolve()
