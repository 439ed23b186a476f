"""The kinds of faults: each is a function that runs a trial and says what was wrong in it."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from functools import partial

from tests.faults import contents, disks, lies, pipes, stops
from tests.faults.trial import Trial

Kind = Callable[[Trial], bool | None]  # False where it cannot be tried on this machine
KINDS: dict[str, Kind] = {
    **{
        f"kill -9 {who}": partial(stops.signalled, who, signal.SIGKILL)
        for who in ("process", "decoder", "encoder", "loader", "flow worker")
    },
    **{
        f"SIG{name} {who}": partial(stops.signalled, who, number)
        for name, number in stops.SIGNALS.items()
        for who in ("process", "group")
    },
    **{
        f"{errno.errorcode[error]} {call}": partial(disks.failing, call, error)
        for call, error in [
            ("write", errno.ENOSPC), ("write", errno.EIO), ("open", errno.ENOSPC), ("mkdir", errno.ENOSPC),
            ("fsync", errno.EIO), ("rename", errno.EIO), ("rename", errno.ENOSPC), ("unlink", errno.EIO),
        ]
    },
    "EIO read": disks.unreadable,
    "slow disk": disks.slow,
    "file size limit": disks.limited,
    "full disk": disks.full,
    "vanishing folder": disks.vanishing_place,
    "vanishing input": disks.vanishing_input,
    "writer leaves": pipes.writer_leaves,
    "reader leaves": pipes.reader_leaves,
    "writer stops": pipes.writer_stops,
    "reader stops": pipes.reader_stops,
    "lying ffmpeg": lies.lying,
    "hanging ffmpeg": lies.hanging,
    **{
        f"hostile {name}": partial(contents.hostile, name)
        for name in ("clip.mp4", "clip.mkv", "clip.y4m", "picture.png", "style.safetensors")
    },
    "hostile network": contents.hostile_network,
    "hostile training data": contents.hostile_training,
    "hostile true flow": contents.hostile_truth,
    "pickles": contents.poisoned,
    "damaged parts": contents.parts,
    "damaged cache": contents.cache,
    "damaged checkpoint": contents.checkpoint,
    "damaged flow": contents.flow,
}  # fmt: skip


def kind_of(seed: int) -> str:
    """The kind that a seed tries."""
    return list(KINDS)[seed % len(KINDS)]


def attempt(trial: Trial, seed: int) -> bool:
    """Try a seed's fault; False where that cannot be done here."""
    try:
        return KINDS[kind_of(seed)](trial) is not False
    finally:
        trial.clear()
