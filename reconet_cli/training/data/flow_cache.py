"""Clips' frames, flow and masks on disk: what was computed once is mapped into memory the next time, not computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from reconet_cli.system.caches import Cache
from reconet_cli.system.identity import digest, sample
from reconet_cli.training.data.clip_motion import METHOD, PAIRS, SECONDS, ClipMotion

# Goes up whenever the same clip and settings give other content.
_VERSION = 1


def clip_key(file: Path, short_side: int) -> str:
    """A digest of a clip's content and everything that decides its motion; the file's own name and date do not.

    Of a large file that is its size, beginning and end. Raises `OSError` for an unreadable file.
    """
    return digest([f"{_VERSION} {METHOD} {short_side} {PAIRS} {SECONDS} {file.stat().st_size} ", sample(file)])


@dataclass(frozen=True)
class _KeptMotion(ClipMotion):
    """Motion mapped from a `file`; another process is sent the file's name, not the tensors."""

    file: Path

    def __reduce__(self) -> tuple[Callable[[Path], ClipMotion], tuple[Path]]:
        return _map, (self.file,)


def _map(file: Path) -> ClipMotion:
    return _KeptMotion(**load_file(file), file=file)


class FlowCache:
    """One safetensors file a clip, under the name of its content. Where nothing can be kept, `note` is told once."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.cache = Cache("flow", ".safetensors", note)

    def load(self, key: str) -> ClipMotion | None:
        """What is kept under a key, read from disk as it is used; None for nothing or a damaged file."""
        try:
            motion = _map(self.cache.use(key))
        except (OSError, SafetensorError, TypeError):
            return None
        return motion if _is_sound(motion) else None

    def keep(self, key: str, motion: ClipMotion) -> ClipMotion:
        """Write a clip's motion and return it as `load` does, or as it came where it cannot be kept."""
        data = {part.name: getattr(motion, part.name) for part in fields(ClipMotion)}
        self.cache.write(key, lambda path: path.write_bytes(save(data)))
        return self.load(key) or motion


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
