"""Converted models on disk: the next start with the same style and size needs neither PyTorch nor calibration.

A model is a folder in the cache: `model.xml`, `model.bin`, and `sha256` of both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconet_cli.system.caches import Cache
from reconet_cli.system.files import remove
from reconet_cli.system.identity import digest

_CHECKSUM = "sha256"


def load_model(core: Any, key: str) -> Any | None:
    """The `openvino.Model` of a key; None for none, and for a damaged one."""
    entry = Cache("models").use(key)
    try:
        # What is damaged may well load, and paint other pictures.
        if (entry / _CHECKSUM).read_text() == _checksum(entry):
            return core.read_model(entry / "model.xml")
    except (RuntimeError, OSError, ValueError):
        pass
    remove(entry)
    return None


def keep_model(key: str, model: Any) -> None:
    """Keep a model for the next time."""
    cache = Cache("models")
    cache.make_room()
    cache.write(key, lambda folder: _save(model, folder), folder=True)


def _save(model: Any, folder: Path) -> None:
    import openvino

    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    (folder / _CHECKSUM).write_text(_checksum(folder))


def _checksum(folder: Path) -> str:
    return digest([folder / "model.xml", folder / "model.bin"])
