"""Signals at random moments: to the process, its group, or one of those that it has started."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from tests.faults import check
from tests.faults.commands import FLOW_WORKERS, TRAIN_WORKERS, Command, some_command
from tests.faults.runs import Run
from tests.faults.trial import Trial
from tests.processes import children, works_with

SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP}
_WORDS = {"decoder": "showinfo", "encoder": "fpsprobesize", "flow worker": "spawn_main"}  # in their command lines


def signalled(who: str, number: int, trial: Trial) -> bool:
    """A signal at a random moment."""
    command = {"flow worker": FLOW_WORKERS, "loader": TRAIN_WORKERS}.get(who) or some_command(
        trial.random, video=who in _WORDS
    )
    within = trial.material.reference(command).seconds * (3 if trial.cold else 1.2)
    trial.bring(*command.needs)
    run = trial.start(*command.words, more=command.more)
    if who in ("process", "group"):
        time.sleep(trial.random.uniform(0, within))
        found = run.pid
    else:
        found = _child(run, who)
        time.sleep(trial.random.uniform(0, 0.1))
    if run.poll() is None and found:
        trial.strike()
        with suppress(ProcessLookupError):
            (os.killpg if who == "group" else os.kill)(found, number)
    end = trial.end(run)
    if number != signal.SIGKILL:
        # Before Python can handle it, it ends as every program does.
        allowed: tuple[int, ...] = (0, 130, -number)
        if command.words[0] == "train" and "checkpoint" in end.said:
            allowed = (0, 130)
    else:
        allowed = (0, -number) if who == "process" else (0, 1)
    check.after(trial, end, command, *allowed)
    return True


def _child(run: Run, who: str) -> int:
    """A process that a run has started, once it is there; 0 where the run ends before."""
    while run.poll() is None:
        found = works_with(run, _WORDS[who]) if who in _WORDS else children(run.pid)
        if found:
            return found[-1]
        time.sleep(0.002)
    return 0


def ends_while_it_waits(trial: Trial, command: Command, run: Run, number: int) -> None:
    """A run that waits for somebody ends by a signal all the same."""
    time.sleep(trial.random.uniform(0.5, 2))
    if run.poll() is None:
        trial.strike()
        with suppress(ProcessLookupError):
            os.kill(run.pid, number)
    end = trial.end(run)
    check.ended(trial, end, 0, 1, 130, -number)
    if command.target:
        check.whole(trial, end, command.target)
    check.tidy(trial, command.target, *command.kept)
