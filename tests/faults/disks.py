"""Disks and files that fail, are full, slow, or go away."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import check
from tests.faults.commands import BATCH, CACHED, PLAIN, RESUMABLE, STEADY, Command, some_command
from tests.faults.trial import Trial

_PART = re.compile(r"\.[0-9a-f]{8}\.part")


def _some_command(trial: Trial) -> Command:
    """A command with what it needs."""
    command = some_command(trial.random)
    trial.bring(*command.needs)
    return command


def failing(call: str, error: int, trial: Trial) -> bool:
    """A call on a file fails: once, or from there on."""
    if trial.material.shim is None:
        return False
    found: dict[tuple[str, str], int] = {}
    while not found:
        command = some_command(trial.random)
        found = {key: amount for key, amount in trial.material.reference(command).calls.items() if key[0] == call}
    name, amount = trial.random.choice(sorted((name, amount) for (_, name), amount in found.items()))
    how = trial.random.choice(["once", "on"])
    trial.bring(*command.needs)
    plan = f"{call} {trial.random.randrange(amount)} {error} {how} {_PART.sub('.????????.part', name)}"
    run = trial.start(*command.words, more=command.more, shim=plan, own_cache=command is CACHED)
    end = trial.end(run)
    if call == "unlink" and end.status == 0:
        shutil.rmtree(trial.work / f"{command.target}.parts", ignore_errors=True)
    check.after(trial, end, command, 0, 1, tidied=call != "unlink")
    return True


def unreadable(trial: Trial) -> bool:
    """Reading a file fails at a random byte."""
    if trial.material.shim is None:
        return False
    command = _some_command(trial)
    path = trial.work / trial.random.choice(command.needs)
    if path.is_dir():
        path = next(path.iterdir())
    # A file may be read more than once.
    number = int(path.stat().st_size * trial.random.uniform(0, 2))
    how = trial.random.choice(["once", "on"])
    end = trial.end(trial.start(*command.words, more=command.more, shim=f"read {number} {errno.EIO} {how} {path.name}"))
    if end.status == 0 and "could be decoded" in end.said:
        (trial.work / command.target).unlink()
        end = trial.end(trial.start(*command.words, more=command.more))
    check.after(trial, end, command, 0, 1)
    return True


def slow(trial: Trial) -> bool:
    """A disk that takes its time for a call."""
    if trial.material.shim is None:
        return False
    command = _some_command(trial)
    call = trial.random.choice(["write", "fsync", "rename", "open", "unlink", "read"])
    end = trial.end(
        trial.start(*command.words, more=command.more, shim=f"{call} 0 0 {trial.random.randrange(50_000)} *")
    )
    trial.struck = None
    check.after(trial, end, command, 0)
    return True


def limited(trial: Trial) -> None:
    """No file may grow beyond a random byte."""
    command = _some_command(trial)
    # What it says is a file, too.
    most = trial.random.randrange(2048, 1 << trial.random.randint(12, 17))
    end = trial.end(trial.start(*command.words, more=command.more, limit=most))
    check.after(trial, end, command, 0, 1)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[], None] | None]:
    """A disk of `size` bytes at a folder, and what makes it larger; None where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    if os.geteuid() or subprocess.run([*mount, f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True) and None
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def full(trial: Trial) -> bool:
    """A disk with room for a part of what is written."""
    command = trial.random.choice([PLAIN, RESUMABLE, STEADY])
    trial.bring(*command.needs)
    place = f"disk/{command.target}"
    words = [place if word == command.target else word for word in command.words]
    disk = trial.work / "disk"
    with small_disk(disk, 4096 * trial.random.randint(1, 40)) as grow:
        if grow is None:
            return False
        end = trial.end(trial.start(*words))
        check.ended(trial, end, 0, 1)
        check.whole(trial, end, place)
        allowed = {command.target} if end.status == 0 else command.kept
        trial.wrong += [f"{path.name} is left" for path in disk.iterdir() if path.name not in allowed]
        grow()
        end = trial.end(trial.start(*words, "-y"))
        check.ended(trial, end, 0)
        check.whole(trial, end, place, trial.material.reference(command).result)
    return True


def vanishing_place(trial: Trial) -> None:
    """The folder of the output goes away, and comes back for the next run."""
    command = trial.random.choice([PLAIN, RESUMABLE, STEADY, BATCH])
    within = trial.material.reference(command).seconds
    trial.bring(*command.needs)
    shelf = trial.work / "shelf"
    shelf.mkdir()
    words = [f"shelf/{word}" if word == command.target else word for word in command.words]
    run = trial.start(*words)
    time.sleep(trial.random.uniform(0, within))
    shutil.rmtree(shelf, ignore_errors=True)
    trial.strike()
    end = trial.end(run)
    # What had been started in it may have made it again, as a folder that is to be made is.
    check.ended(trial, end, 0, 1)
    trial.clear()
    shutil.rmtree(shelf, ignore_errors=True)
    shelf.mkdir()
    end = trial.end(trial.start(*words, "-y"))
    check.ended(trial, end, 0)
    check.whole(trial, end, f"shelf/{command.target}", trial.material.reference(command).result)


def vanishing_input(trial: Trial) -> None:
    """The input goes away, or is cut off, while it is read."""
    command = trial.random.choice([PLAIN, RESUMABLE, STEADY])
    within = trial.material.reference(command).seconds
    trial.bring(*command.needs)
    run = trial.start(*command.words)
    time.sleep(trial.random.uniform(0, within))
    clip = trial.work / "clip.mp4"
    if trial.random.random() < 0.5:
        clip.unlink()
    else:
        os.truncate(clip, trial.random.randrange(clip.stat().st_size))
    trial.strike()
    end = trial.end(run)
    trial.bring("clip.mp4")
    os.utime(clip, ns=(0, 0))
    check.after(trial, end, command, 0, 1)
