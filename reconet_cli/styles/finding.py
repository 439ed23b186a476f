"""Styles by name: a folder with one weights file a variant, in the user's folder or in the package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reconet_cli.errors import StyleError
from reconet_cli.model.endings import EXPORTED
from reconet_cli.system.folders import packaged_folder, styles_folder

# The variants there are, in the order in which one is chosen when none is asked for.
VARIANT_ORDER = ("fast", "paper", "paper-medium", "paper-small")
# Packaged weights that training begins with when nobody says otherwise. They are found by this name, but not listed.
BASE = "base"
# The ending of weights files.
WEIGHTS = ".safetensors"


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
    which can only paint. Raises `StyleError` with the names to choose from.
    """
    path = expanded(name_or_path)
    if path.suffix.lower() in (WEIGHTS, *EXPORTED) and path.is_file():
        return path
    styles = {style.name: style for style in _named()}
    if path.is_dir() and (variants := variants_in(path)):
        return _choose(Style(path.name, path, variants), variant)
    if name_or_path in styles:
        return _choose(styles[name_or_path], variant)
    known = ", ".join(style.name for style in list_styles()) or "none are installed"
    raise StyleError(f"no style {name_or_path!r}", f"styles: {known}; or give a file: {WEIGHTS}, {', '.join(EXPORTED)}")


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
