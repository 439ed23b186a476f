"""Styles by name: a folder with one weights file a variant, in the user's folder or in the package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconet_cli.errors import StyleError
from reconet_cli.model.endings import EXPORTED
from reconet_cli.styles.cards import entries_of, read_card
from reconet_cli.system.folders import packaged_folder, styles_folder
from reconet_cli.system.identity import digest

# The variants there are, in the order in which one is chosen when none is asked for.
VARIANT_ORDER = ("fast", "paper", "paper-medium", "paper-small")
# Packaged weights that training begins with when nobody says otherwise. They are found by this name, but not listed.
BASE = "base"
# The ending of weights files.
WEIGHTS = ".safetensors"
# Endings by which a file that is not there is taken for a picture.
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".gif")
# Endings of files that are no pictures and no styles, but are taken for styles.
_FOREIGN = (".bin", ".ckpt", ".json", ".npz", ".pt", ".pth", ".zip")
_DIGITS = 16


@dataclass(frozen=True)
class Style:
    """A named style: its folder and its weights files by variant, in the order of preference."""

    name: str
    folder: Path
    variants: dict[str, Path]

    @property
    def shipped(self) -> bool:
        """Whether it comes along with the package."""
        return self.folder.parent == packaged_folder()


def list_styles() -> list[Style]:
    """All named styles, sorted by name; the user's own hide shipped ones of the same name."""
    return [style for style in _named() if style.folder != packaged_folder() / BASE]


def named_style(name: str) -> Style:
    """One of `list_styles` by its name. Raises `StyleError` with the names to choose from."""
    styles = {style.name: style for style in list_styles()}
    if name not in styles:
        raise StyleError(f"no style {name!r}", f"styles: {', '.join(styles) or 'none are installed'}")
    return styles[name]


def _named() -> list[Style]:
    found: dict[str, Style] = {}
    for root in (packaged_folder(), styles_folder()):
        if not root.is_dir():
            continue
        for folder in sorted(path for path in root.iterdir() if path.name[0] != "." and path.is_dir()):
            if folder.name == BASE and BASE in found:  # a user's style of this name would change all training
                continue
            if variants := variants_in(folder):
                found[folder.name] = Style(folder.name, folder, variants)
    return [found[name] for name in sorted(found)]


def variants_in(folder: Path) -> dict[str, Path]:
    """The weights files in a folder by variant, in the order of preference."""
    files = ((name, folder / f"{name}{WEIGHTS}") for name in VARIANT_ORDER)
    return {name: file for name, file in files if file.is_file()}


def find_style(name_or_path: str, variant: str = "auto") -> Path:
    """The weights file of a style's name, or of a path to a file or a style's folder.

    `variant` is a file's stem (`fast`, `paper`, …); `auto` takes the fastest there is. A file may be an `EXPORTED` one,
    which can only paint, or a picture that a style was learned from. Raises `StyleError` with the names to choose from.
    """
    if names_picture(name_or_path):
        return _choose(_of_picture(name_or_path), variant)
    path = expanded(name_or_path)
    if path.suffix.lower() in (WEIGHTS, *EXPORTED) and path.is_file():
        return path
    styles = {style.name: style for style in _named()}
    if path.is_dir() and (variants := variants_in(path)):
        return _choose(Style(path.name, path, variants), variant)
    if name_or_path in styles:
        return _choose(styles[name_or_path], variant)
    known = ", ".join(style.name for style in list_styles()) or "none are installed"
    files = ", ".join(["a picture", WEIGHTS, *EXPORTED])
    raise StyleError(f"no style {name_or_path!r}", f"styles: {known}; or give a file: {files}")


def is_url(text: str) -> bool:
    """Whether this is an address of the web."""
    return text.lower().startswith(("http://", "https://"))


def names_picture(style: str) -> bool:
    """Whether what stands for a style is a picture: an address, or a file that is no style's, there or not."""
    if is_url(style):
        return True
    path = expanded(style)
    ending = path.suffix.lower()
    if ending in (WEIGHTS, *EXPORTED, *_FOREIGN) or path.is_dir() or not (path.is_file() or ending in _PICTURES):
        return False
    return all(style != known.name for known in _named())


def picture_digest(picture: Path) -> str:
    """What a picture is known by, whatever it is called. Raises OSError."""
    return digest([picture])[:_DIGITS]


def learned_style(picture: str, settings: Mapping[str, Any]) -> Style | None:
    """The user's style that was learned longest from the picture of a digest, with these `settings` among others."""
    found: list[tuple[float, Style]] = []
    for style in list_styles():
        for variant, entry in entries_of({} if style.shipped else read_card(style.folder)).items():
            known = entry.get("settings")
            if entry.get("picture_digest") != picture or variant not in style.variants or not isinstance(known, dict):
                continue
            if all(known.get(name) == value for name, value in settings.items()):
                seconds = entry.get("seconds")
                found.append((seconds if isinstance(seconds, (int, float)) else 0, style))
    return max(found, key=lambda each: each[0])[1] if found else None


def _of_picture(picture: str) -> Style:
    hint = f"`reconet stylize INPUT OUTPUT --style {picture}` learns it"
    if is_url(picture):
        raise StyleError(f"{picture} is the address of a picture, which has to be learned first", hint)
    try:
        style = learned_style(picture_digest(expanded(picture)), {})
    except OSError as problem:
        raise StyleError(f"cannot read {picture}: {problem.strerror or problem}", "check the name") from problem
    if style is None:
        raise StyleError(f"{picture} is no style yet", hint)
    return style


def expanded(name: str) -> Path:
    """A path with its leading ~ resolved, as it is where nobody knows a home folder."""
    return Path(os.path.expanduser(name))


def style_name(path: Path) -> str:
    """What to call the style of a weights file: by its folder, unless the file has a name of its own."""
    return path.resolve().parent.name if path.stem in VARIANT_ORDER else path.stem


def style_files(path: Path) -> list[Path]:
    """All files of what `find_style` finds: OpenVINO keeps weights in a second one."""
    return [path, path.with_suffix(".bin")] if path.suffix.lower() == ".xml" else [path]


def _choose(style: Style, variant: str) -> Path:
    if variant != "auto":
        if variant in style.variants:
            return style.variants[variant]
        raise StyleError(
            f"style {style.name!r} has no variant {variant!r}",
            f"variants: {', '.join(sorted(style.variants))}",
        )
    return next(iter(style.variants.values()))
