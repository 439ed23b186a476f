"""Where this project keeps things on a user's machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def packaged_folder() -> Path:
    """The shipped weights: inside an installed wheel, or beside the package in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


def packaged_frames() -> list[Path]:
    """The photographs that come along, sorted by name; none where an installation lacks them."""
    return sorted((packaged_folder() / "frames").glob("*.jpg"))


def styles_folder() -> Path:
    """The user's own styles: `RECONET_STYLES`, else `reconet/styles` in the platform's data folder."""
    if chosen := os.environ.get("RECONET_STYLES"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", _home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or _home() / ".local" / "share")
    return base / "reconet" / "styles"


def cache_folder(name: str = "") -> Path:
    """What can be computed again: `name` in `RECONET_CACHE`, else in `reconet` in the user's cache folder (XDG)."""
    if chosen := os.environ.get("RECONET_CACHE"):
        return Path(chosen) / name
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache")
    return base / "reconet" / name


def _home() -> Path:
    """The user's home folder; where there is none (`docker run -u 12345`), one in which nobody can make anything."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)
