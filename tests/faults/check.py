"""What must hold after every run."""

from __future__ import annotations

import re

from tests.faults.trial import Ended, Trial


def ended(trial: Trial, end: Ended, *allowed: int) -> None:
    """It has ended, with one of the allowed statuses and one line that fits, and nobody works on."""
    if end.status is None:
        trial.wrong.append("it does not end")
    elif end.status not in allowed:
        trial.wrong.append(f"status {end.status}: {end.said[-300:]}")
    errors = re.findall(r"^(?:error: |Error: |interrupted).+$", end.said, re.MULTILINE)
    if end.status in (1, 2) and len(errors) != 1:
        trial.wrong.append(f"status {end.status} and {len(errors)} messages: {end.said[-300:]}")
    # Interrupted while Python itself started, before there was anybody to handle it.
    early = end.said.rstrip().endswith("KeyboardInterrupt") and ", in main\n" not in end.said
    if ("Traceback" in end.said and not early) or "--debug shows" in end.said:
        trial.wrong.append(f"a trace, or an error without words of its own: {end.said[-300:]}")
    if left := trial.processes():
        trial.wrong.append(f"{len(left)} processes are left")


def tidy(trial: Trial, *known: str) -> None:
    """Nothing lies about but the named files, those of the material and what a stopped run can go on with."""
    brought = {path.name for path in trial.material.folder.iterdir()}
    for path in [*trial.work.iterdir(), *trial.temporary.iterdir()]:
        if path.name not in brought | set(known):
            trial.wrong.append(f"{path.name} is left")


def whole(trial: Trial, end: Ended, target: str, expected: list[str] | None = None) -> None:
    """The target is there after success; and where it is, it decodes, into the expected frames where they are known."""
    path = trial.work / target
    if not path.exists():
        if end.status == 0:
            trial.wrong.append(f"status 0 and no {target}")
        return
    found = trial.material.pictures(path)
    if not found:
        trial.wrong.append(f"{target} does not decode")
    elif expected is not None and found != expected:
        trial.wrong.append(f"{target} has {len(found)} frames, not the {len(expected)} of an undisturbed run")
