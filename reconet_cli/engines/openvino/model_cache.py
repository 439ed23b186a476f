"""Converted models on disk: the next start with the same style and size needs neither PyTorch nor calibration."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconet_cli.system.files import Part, remove_abandoned

# Models that are kept; the least recently used one goes first. A fast style takes 1.2 MB.
_MOST = 48
_CHECKSUM = "sha256"


class ModelCache:
    """One folder a model (`model.xml`, `model.bin`, `sha256` of both) under the name of its content.

    Several processes may use it at once: a folder appears when it is complete. Where nothing can be written, nothing is
    kept, and what is damaged counts as missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, core: Any, key: str) -> Any | None:
        """The `openvino.Model` of a key, or None."""
        entry = self._folder / key
        try:
            # What is damaged may well load, and paint other pictures.
            model = core.read_model(entry / "model.xml") if _is_intact(entry) else None
        except (RuntimeError, OSError):
            model = None
        if model is None:
            shutil.rmtree(entry, ignore_errors=True)
            return None
        with suppress(OSError):  # another user's, or part of a read-only system
            os.utime(entry)
        return model

    def write(self, key: str, model: Any) -> None:
        """Keep a model."""
        import openvino

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self._folder)
            with Part(self._folder / key, folder=True) as part:
                openvino.save_model(model, part.path / "model.xml", compress_to_fp16=False)
                (part.path / _CHECKSUM).write_text(_checksum(part.path))
                part.commit()
            self._forget_old()
        except (RuntimeError, OSError):
            return

    def _forget_old(self) -> None:
        entries = sorted(self._folder.iterdir(), key=lambda entry: entry.stat().st_mtime)
        for entry in entries[:-_MOST]:
            shutil.rmtree(entry, ignore_errors=True)


def _is_intact(entry: Path) -> bool:
    return (entry / _CHECKSUM).read_bytes() == _checksum(entry).encode()


def _checksum(entry: Path) -> str:
    digest = hashlib.sha256()
    for name in ("model.xml", "model.bin"):
        digest.update((entry / name).read_bytes())
    return digest.hexdigest()


def model_key(weights: Path, *settings: object) -> str:
    """A name for the content of a weights file and everything else that decides a converted model."""
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(weights.read_bytes())
    return digest.hexdigest()[:32]
