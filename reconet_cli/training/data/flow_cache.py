"""Clips' frames, flow and masks on disk: what was computed once is mapped into memory the next time, not computed."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from reconet_cli.system.files import Part, remove_abandoned
from reconet_cli.training.data.clip_motion import METHOD, PAIRS, SECONDS, ClipMotion

# Its folder among the caches.
CACHE = "flow"
# Goes up whenever the same clip and settings give other content.
_VERSION = 1
# A clip is known by so many blocks, spread evenly from its first to its last byte; a small one as a whole.
_BLOCKS = 16
_BLOCK = 1 << 16


def clip_key(file: Path, short_side: int) -> str:
    """A name for a clip's content and everything that decides its motion; the file's own name and date do not.

    Files of more than 1 MiB are sampled: an edit in place that keeps the size and misses every sample goes unseen.
    Raises `OSError` for an unreadable file.
    """
    digest = hashlib.sha256(f"{_VERSION} {METHOD} {short_side} {PAIRS} {SECONDS}".encode())
    with file.open("rb") as clip:
        size = clip.seek(0, os.SEEK_END)
        digest.update(f" {size} ".encode())
        for index in range(_BLOCKS):
            clip.seek(max(0, size - _BLOCK) * index // (_BLOCKS - 1) if size > _BLOCKS * _BLOCK else index * _BLOCK)
            digest.update(clip.read(_BLOCK))
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class _KeptMotion(ClipMotion):
    """Motion mapped from a `file`; another process is sent the file's name, not the tensors."""

    file: Path

    def __reduce__(self) -> tuple[Callable[[Path], ClipMotion], tuple[Path]]:
        return _map, (self.file,)


def _map(file: Path) -> ClipMotion:
    return _KeptMotion(**load_file(file), file=file)


class FlowCache:
    """One safetensors file a clip, under the name of its content.

    Several processes may use a folder at once: a file appears when it is complete, and whoever is last wins with the
    same content. Where the folder cannot be written, `note` is told once and nothing more is kept.
    """

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        self.folder = folder
        self._note = note
        self._writable = True
        self._lock = threading.Lock()
        remove_abandoned(folder)

    def load(self, key: str) -> ClipMotion | None:
        """What is kept under a key, read from disk as it is used; None for nothing or a damaged file."""
        try:
            motion = _map(self._path(key))
        except (OSError, SafetensorError, TypeError):
            return None
        return motion if _is_sound(motion) else None

    def keep(self, key: str, motion: ClipMotion) -> ClipMotion:
        """Write a clip's motion and return it as `load` does, or as it came where it cannot be kept."""
        if not self._writable:
            return motion
        try:
            self._write(key, save({part.name: getattr(motion, part.name) for part in fields(ClipMotion)}))
        except OSError as problem:
            self.give_up(problem.strerror or str(problem))
        return self.load(key) or motion

    def make_room(self, size: int) -> None:
        """Make the folder; where it cannot be written or has no room for `size` bytes, keep nothing."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free < size:
                self.give_up("the disk is too full")
        except OSError as problem:
            self.give_up(problem.strerror or str(problem))

    def give_up(self, reason: str) -> None:
        """Keep nothing from here on, and say so once."""
        with self._lock:
            if self._writable:
                self._note(f"optical flow of clips is not kept for the next time: {self.folder}: {reason}")
            self._writable = False

    @property
    def writable(self) -> bool:
        """Whether new results are kept, as far as is known."""
        return self._writable

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def _write(self, key: str, data: bytes) -> None:
        with Part(self._path(key)) as part:
            part.path.write_bytes(data)
            part.commit()


def _is_sound(motion: ClipMotion) -> bool:
    count, height, width, _ = shape = tuple(motion.current.shape) if motion.current.dim() == 4 else (0, 0, 0, 0)
    return (
        count > 0
        and tuple(motion.previous.shape) == shape == (count, height, width, 3)
        and tuple(motion.flow.shape) == (count, 2, height, width)
        and tuple(motion.mask.shape) == (count, 1, height, width)
        and motion.previous.dtype == motion.current.dtype == torch.uint8
        and (motion.flow.dtype, motion.mask.dtype) == (torch.float16, torch.bool)
    )
