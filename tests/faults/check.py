"""What must hold after every run."""

from __future__ import annotations

import re
import signal

from tests.faults.commands import Command
from tests.faults.trial import Ended, Trial


def ended(trial: Trial, end: Ended, *allowed: int) -> None:
    """It has ended, with one of the allowed statuses and one line that fits, and nobody works on."""
    if end.status is None:
        trial.wrong.append(f"it does not end: {end.said[-300:]}")
    elif end.status not in allowed:
        trial.wrong.append(f"status {end.status}: {end.said[-600:]}")
    errors = re.findall(r"^(?:error: |Error: |interrupted).+$", end.said, re.MULTILINE)
    # A batch has one for each of its two inputs.
    if end.status in (1, 2) and len(errors) not in ((1, 2) if "[1/2]" in end.said else (1,)):
        trial.wrong.append(f"status {end.status} and {len(errors)} messages: {end.said[-600:]}")
    # Interrupted while Python itself started, before there was anybody to handle it.
    early = end.said.rstrip().endswith("KeyboardInterrupt") and ", in main\n" not in end.said
    if ("Traceback" in end.said and not early) or "--debug shows" in end.said:
        trial.wrong.append(f"a trace, or an error without words of its own: {end.said[-900:]}")
    if (trial.folder / "executed").exists():
        trial.wrong.append("something in a file was executed")
    if end.status != -signal.SIGKILL and (left := trial.processes()):
        trial.wrong.append(f"{len(left)} processes are left")


def tidy(trial: Trial, *known: str) -> None:
    """Nothing lies about but the named files, those of the material and what a stopped run can go on with."""
    brought = {path.name for path in trial.material.folder.iterdir()}
    for path in [*trial.work.iterdir(), *trial.temporary.iterdir()]:
        # PyTorch makes the folder of its compiler's cache when it is loaded.
        if path.name not in brought | set(known) and not path.name.startswith("torchinductor_"):
            trial.wrong.append(f"{path.name} is left")
    for path in trial.work.rglob("*.part*"):
        if path.parent != trial.work and not any(".parts" in part for part in path.parts):
            trial.wrong.append(f"{path.relative_to(trial.work)} is left")


def whole(trial: Trial, end: Ended, target: str, expected: list[str] | None = None) -> None:
    """The target is there after success; and where it is, it decodes, into the expected frames where they are known."""
    path = trial.work / target
    if not path.exists():
        if end.status == 0:
            trial.wrong.append(f"status 0 and no {target}")
        return
    if end.status != 0 and path.is_dir():
        return  # what is in it is complete in itself, and the rest is still to come
    found = trial.material.result(path)
    if not found:
        trial.wrong.append(f"{target} is not complete: {end.said[-300:]}")
    elif expected is not None and found != expected:
        trial.wrong.append(f"{target} ({len(found)}) is not that ({len(expected)}) of an undisturbed run")


def after(trial: Trial, end: Ended, command: Command, *allowed: int, tidied: bool = True) -> None:
    """What holds after a fault in a run of a command; and the same command then makes what it would have made.

    `tidied` is whether the first run could remove what it had begun.
    """
    expected = trial.material.reference(command).result
    ended(trial, end, *allowed)
    whole(trial, end, command.target, expected)
    if end.status != -signal.SIGKILL and tidied:
        tidy(trial, command.target, *(command.kept if end.status else ()))
    trial.clear()
    again(trial, command)


def again(trial: Trial, command: Command, **options: bool) -> None:
    """The same command, without a fault, makes what it would have made."""
    more = command.again
    if command.words[0] == "train" and list(trial.work.glob("trained/run/*/checkpoint.pt")):
        more = ("--resume", "-y")
    end = trial.end(trial.start(*command.words, *more, more=command.more, **options))
    ended(trial, end, 0)
    whole(trial, end, command.target, trial.material.reference(command).result)
    tidy(trial, command.target)
