"""Styles that come from elsewhere: fetched, unpacked and looked through before anything is kept of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reconet_cli.errors import StyleError
from reconet_cli.model.weights import load_weights, read_metadata
from reconet_cli.styles.archives import is_zip, unpack
from reconet_cli.styles.cards import CARD, PREVIEW, card_text, line_of, parse_card, picture_name, printable
from reconet_cli.styles.downloads import download, public_address
from reconet_cli.styles.finding import VARIANT_ORDER, WEIGHTS, expanded, is_url, variants_in

# What files of a style may be large, in bytes.
_MOST_WEIGHTS = 256 << 20
_MOST_CARD = 1 << 20
_MOST_PICTURE = 64 << 20
_MOST_PIXELS = 80_000_000
MOST_FETCHED = 512 << 20
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_FETCHED = "fetched"
_MAKE_ONE = "give weights, a style's folder, or a zip of one; `reconet train` makes styles"


@dataclass(frozen=True)
class Arrival:
    """A style that is complete and whole, in a temporary folder; `name` is what it would be called."""

    name: str
    folder: Path


@contextmanager
def arriving(what: str) -> Iterator[Arrival]:
    """Bring a weights file, a style's folder, a zip of one, or the address of either; it goes away after the block.

    Everything is read and checked here, the networks are built, and nothing is executed. The card tells the source.
    Raises `StyleError`.
    """
    with tempfile.TemporaryDirectory(prefix="reconet-") as scratch:
        folder = Path(scratch) / "style"
        folder.mkdir()
        try:
            name = _check(what, Path(scratch), folder)
        except OSError as problem:
            raise StyleError(f"cannot read {what}: {problem.strerror or problem}", _MAKE_ONE) from problem
        except StyleError as problem:  # which must not speak of temporary files
            said = problem.message.replace(f"{folder}{os.sep}", "").replace(f"{Path(scratch) / _FETCHED}", "it")
            raise StyleError(said, problem.hint) from problem
        yield Arrival(name, folder)


def _check(what: str, scratch: Path, folder: Path) -> str:
    """Fill `folder` with a style that is whole; its name."""
    name, source = _bring(what, scratch, folder)
    _check_networks(folder, what)
    card = _card(folder)
    _check_pictures(folder, picture_name(card))
    before = line_of(card, "source")
    card["source"] = printable(f"{source}, before that {before}" if before else source)
    card["added"] = date.today().isoformat()
    (folder / CARD).write_text(card_text(card), encoding="utf-8")
    return name


def _bring(what: str, scratch: Path, folder: Path) -> tuple[str, str]:
    """Put a style's files into `folder`: its name, and where they come from."""
    if is_url(what):
        fetched = scratch / _FETCHED
        download(what, fetched, MOST_FETCHED)
        path = Path(printable(unquote(urlsplit(what).path)).lstrip("/") or "style")
        return _bring_file(fetched, path, folder), public_address(what)
    path = expanded(what)
    if path.is_dir():
        _bring_folder(path, folder)
        return path.resolve().name, path.resolve().name
    if not path.is_file():
        raise StyleError(f"no file or folder {what!r}", _MAKE_ONE)
    return _bring_file(path, path.absolute(), folder), path.name


def _bring_file(file: Path, called: Path, folder: Path) -> str:
    if is_zip(file):
        return unpack(file, folder, _allowed) or called.stem
    metadata = read_metadata(file)
    _copy(file, folder / f"{_variant(metadata['config'], called.stem)}{WEIGHTS}", _MOST_WEIGHTS)
    return called.parent.name if called.stem in VARIANT_ORDER else called.stem


def _bring_folder(path: Path, folder: Path) -> None:
    for file in sorted(path.iterdir()):
        if (most := _allowed(file.name)) and file.is_file():
            _copy(file, folder / file.name, most)


def _allowed(name: str) -> int:
    """The most bytes that a file of a style may have; 0 for one that is no part of a style."""
    ending = Path(name).suffix.lower()
    if name[:1] == "." or name != printable(name):
        return 0
    if name == CARD:
        return _MOST_CARD
    return _MOST_WEIGHTS if ending == WEIGHTS else _MOST_PICTURE if ending in _PICTURES else 0


def _copy(source: Path, target: Path, most: int) -> None:
    if source.stat().st_size > most:
        raise StyleError(f"{source.name} is larger than {most >> 20} MB", "no style has such a file")
    shutil.copyfile(source, target)


def _variant(config: object, stem: str) -> str:
    """What a network is called by: its shape, else the name that its file has already, else the nearest one."""
    from reconet_cli.model.network import VARIANTS

    values = config if isinstance(config, dict) else {}
    for name, known in VARIANTS.items():
        if known.to_dict() | {"channels": list(known.channels), "norm": ""} == values | {"norm": ""}:
            return name
    if stem in VARIANT_ORDER:
        return stem
    return "paper" if values.get("family") == "paper" else "fast"


def _check_networks(folder: Path, what: str) -> None:
    """Load all weights, and leave none that could not be chosen."""
    import torch

    files = sorted(folder.glob(f"*{WEIGHTS}"))
    if len(files) == 1 and not variants_in(folder):
        variant = _variant(read_metadata(files[0])["config"], "")
        files = [files[0].rename(folder / f"{variant}{WEIGHTS}")]
    if not variants_in(folder):
        raise StyleError(f"{what} holds no style", _MAKE_ONE)
    for file in files:
        if file.stem not in VARIANT_ORDER:
            file.unlink()
        elif not all(torch.isfinite(values).all() for values in load_weights(file).state_dict().values()):
            raise StyleError(f"{file.name} holds weights that are not finite numbers", "train or download it again")


def _card(folder: Path) -> dict[str, object]:
    path = folder / CARD
    return parse_card(path.read_bytes()) if path.is_file() else {}


def _check_pictures(folder: Path, style_picture: str) -> None:
    """Read the preview and the style's picture; leave no others."""
    from PIL import Image

    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in _PICTURES:
            continue
        if file.name not in (PREVIEW, style_picture):
            file.unlink()
            continue
        try:
            with Image.open(file, formats=["JPEG"] if file.name == PREVIEW else ["JPEG", "PNG", "WEBP"]) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise StyleError(f"{file.name} is too large: {picture.width}x{picture.height}", "make it smaller")
                picture.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
            raise StyleError(f"{file.name} is no picture, or a damaged one", "leave it out") from problem
