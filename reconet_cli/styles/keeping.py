"""The user's own styles: adding, renaming, removing and handing them on. Each appears and goes as a whole."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconet_cli.errors import StyleError
from reconet_cli.styles.archives import pack
from reconet_cli.styles.arriving import Arrival
from reconet_cli.styles.cards import CARD, PREVIEW, card_text, picture_name, printable, read_card
from reconet_cli.styles.finding import BASE, WEIGHTS, Style, list_styles, named_style
from reconet_cli.system.files import Part, give_name, keep_apart, locked, replacing
from reconet_cli.system.folders import styles_folder

_PATIENCE = 10  # seconds
_LONGEST = 100  # bytes
_FORBIDDEN = set('/\\:*?"<>|')


@dataclass(frozen=True)
class Contents:
    """What is in a style's folder, working files of training too."""

    files: int
    size: int


def check_name(name: str) -> str:
    """A name that a style of the user's may have. Raises `StyleError`."""
    plain = name == printable(name) and name[:1] not in (".", "-", "") and name[-1:] != "."
    if not plain or _FORBIDDEN & set(name) or len(os.fsencode(name)) > _LONGEST:
        raise StyleError(f"a style cannot be called {name!r}", "use letters, digits, spaces, - and _")
    if name == BASE:
        raise StyleError(f"a style cannot be called {BASE!r}", "that is where training starts; choose another name")
    return name


def style_in_the_way(name: str) -> Style | None:
    """The style that one of this name would replace (the user's own) or hide (a shipped one)."""
    return next((style for style in list_styles() if style.name == name), None)


def own_style(name: str) -> Style:
    """One of the user's own styles. Raises `StyleError`."""
    style = named_style(name)
    if style.shipped:
        raise StyleError(f"{name!r} is a shipped style, which stays as it is", "only your own styles can be changed")
    return style


def contents(style: Style) -> Contents:
    """How much removing a style removes."""
    if style.folder.is_symlink():
        return Contents(1, 0)
    sizes = [file.lstat().st_size for file in style.folder.rglob("*") if not file.is_dir()]
    return Contents(len(sizes), sum(sizes))


def keep_style(arrival: Arrival, name: str, *, replace: bool = False) -> Path:
    """Give a style its place among the user's own; its folder.

    With `replace` the one that has the name already goes away, as a whole. Raises `StyleError`.
    """
    place = styles_folder() / check_name(name)
    with _at_work(name, place), Part(place, folder=True, replace=False) as part:
        for file in arrival.folder.iterdir():
            shutil.copyfile(file, part.path / file.name)
        card = read_card(part.path) | {"name": name}
        (part.path / CARD).write_text(card_text(card), encoding="utf-8")
        if os.path.lexists(place) and not replace:
            raise StyleError(f"there is a style {name!r} already", "-y replaces it, --name chooses another name")
        with _out_of_the_way(place):
            part.commit()
    return place


def keep_learned(folder: Path, title: str) -> Path:
    """Give a style that has just been learned a place among the user's own, under its title or, where that is another
    style's name, one like it; its folder. Raises `StyleError`.
    """
    name = _free_name(title)
    return keep_style(Arrival(name, folder), name)


def renew_style(folder: Path, style: Style) -> None:
    """Put the files in a folder in the place of those of one of the user's own styles. Raises `StyleError`."""
    with _at_work(style.name, style.folder):
        for file in sorted(folder.iterdir()):
            with replacing(style.folder / file.name, StyleError) as part:
                shutil.copyfile(file, part)


def _free_name(title: str) -> str:
    try:
        check_name(title)
    except StyleError:
        title = "picture"
    names = (f"{title}-{number}" if number > 1 else title for number in itertools.count(1))
    return next(n for n in names if not (style_in_the_way(n) or os.path.lexists(styles_folder() / n)))


def rename_style(old: str, new: str) -> Path:
    """Give one of the user's own styles another name; its folder. Raises `StyleError`."""
    style = own_style(old)
    place = style.folder.with_name(check_name(new))
    with _at_work(old, style.folder):
        if style_in_the_way(new) or os.path.lexists(place):
            raise StyleError(f"there is a style {new!r} already", "choose another name, or remove that one first")
        give_name(style.folder, place, replace=False)
        with replacing(place / CARD, StyleError) as part:
            part.write_text(card_text(read_card(place) | {"name": new}), encoding="utf-8")
    return place


def remove_style(name: str) -> None:
    """Remove one of the user's own styles. Raises `StyleError`."""
    style = own_style(name)
    with _at_work(name, style.folder), _out_of_the_way(style.folder):
        pass  # of a link, what it leads to stays


def pack_style(name: str, output: Path, *, with_picture: bool = False, overwrite: bool = False) -> list[str]:
    """Write a style's weights, card and preview as a zip; the names of the files in it.

    `with_picture` puts the picture that it was learned from beside them. Raises `StyleError`, also where that picture
    is not in the style's folder.
    """
    style = named_style(name)
    if output.suffix.lower() != ".zip":
        raise StyleError(f"{output} does not end in .zip", f"write {output.with_suffix('.zip')}")
    if output.exists() and not overwrite:
        raise StyleError(f"{output} exists", "-y overwrites it")
    card = read_card(style.folder) | {"name": name}
    files: dict[str, Path | bytes] = {f"{variant}{WEIGHTS}": path for variant, path in style.variants.items()}
    files[CARD] = card_text(card).encode()
    if (preview := style.folder / PREVIEW).is_file():
        files[PREVIEW] = preview
    if with_picture:
        picture = _picture(style, picture_name(card))
        files[picture.name] = picture
    keep_apart([output], [path for path in files.values() if isinstance(path, Path)], StyleError)
    with replacing(output, StyleError) as part:
        pack(part, name, files)
    return list(files)


def _picture(style: Style, name: str) -> Path:
    if not name:
        raise StyleError(f"nobody knows the picture of {style.name!r}", "leave --with-picture out")
    if not (style.folder / name).is_file():
        raise StyleError(
            f"the picture of {style.name!r} is not here", f"put {name} into {style.folder}, or leave --with-picture out"
        )
    return style.folder / name


@contextmanager
def _at_work(name: str, folder: Path) -> Iterator[None]:
    """Keep the user's styles from other processes for the block. Raises `StyleError` for all that goes wrong."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent, _PATIENCE) as ours:
            if not ours:
                raise StyleError(f"another process is at work in {folder.parent}", "wait for it and try again")
            for work in folder.glob("run/*"):
                with locked(work, 0) as free:
                    if not free:
                        raise StyleError(f"{name!r} is being trained in {work}", "wait for it, or stop it")
            yield
    except OSError as problem:
        raise StyleError(f"cannot change {folder}: {problem.strerror or problem}") from problem


@contextmanager
def _out_of_the_way(place: Path) -> Iterator[None]:
    """Move what is at a place away for the block; it comes back after an error and is removed otherwise."""
    if not os.path.lexists(place):
        yield
        return
    with Part(place, folder=True) as aside:
        old = aside.path / "old"  # in a folder that is held, so that nobody takes it for abandoned
        os.rename(place, old)
        try:
            yield
        except BaseException:
            with suppress(OSError):
                os.rename(old, place)
            raise
