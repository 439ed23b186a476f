"""Readers and writers of pipes that stop, leave, or are slow."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tests.faults import check
from tests.faults.commands import QUICK, STYLE, TORCH, Command
from tests.faults.material import HEIGHT, WIDTH
from tests.faults.runs import Run
from tests.faults.stops import SIGNALS, ends_while_it_waits
from tests.faults.trial import Trial

_IN = Command(("stylize", "-", "out.mp4", *STYLE, *TORCH, *QUICK), "out.mp4", ("style.safetensors",))
_FRAME = WIDTH * HEIGHT * 3 // 2 + len("FRAME\n")


def _writing(trial: Trial) -> tuple[Run, int]:
    """A run that writes to standard output, and the pipe's other end."""
    trial.bring("clip.mp4", "style.safetensors")
    form = trial.random.choice(["y4m", "rgb24", "matroska", "mp4", "mpegts"])
    reading, writing = os.pipe()
    run = trial.start("stylize", "clip.mp4", "-", "--format", form, *STYLE, *TORCH, stdout=writing)
    os.close(writing)
    return run, reading


def writer_leaves(trial: Trial) -> None:
    """The writer of standard input pauses, and stops at a random byte or at the end."""
    trial.bring("style.safetensors")
    content = (trial.material.folder / "clip.y4m").read_bytes()
    cut = trial.random.choice([len(content), trial.random.randrange(len(content))])
    reading, writing = os.pipe()
    run = trial.start(*_IN.words, stdin=reading)
    os.close(reading)
    with suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
        pipe.write(content[: cut // 2])
        pipe.flush()
        time.sleep(trial.random.uniform(0, 1))
        pipe.write(content[cut // 2 : cut])
    trial.strike()
    end = trial.end(run)
    first = content.index(b"FRAME")
    ends_frame = (cut - first) % _FRAME == 0 and cut > first
    check.ended(trial, end, 0, *(() if ends_frame else (1,)))
    if end.status == 0 and not (ends_frame or "left out" in end.said):
        trial.wrong.append("half a frame is left out without a word")
    check.whole(trial, end, "out.mp4")
    path = trial.work / "out.mp4"
    if path.exists() and len(trial.material.result(path)) != (cut - first) // _FRAME:
        trial.wrong.append("not the frames that were written")
    check.tidy(trial, "out.mp4")


def reader_leaves(trial: Trial) -> None:
    """The reader of standard output pauses and goes after a random byte."""
    run, reading = _writing(trial)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        wanted = trial.random.randrange(1, 1 << 20)
        while wanted > 0 and (piece := pipe.read(wanted)):
            wanted -= len(piece)
        time.sleep(trial.random.uniform(0, 0.5))
    trial.strike()
    check.ended(trial, trial.end(run), 0, 1)
    check.tidy(trial)


def writer_stops(trial: Trial) -> None:
    """The writer of standard input does not go on; a signal ends the run."""
    trial.bring("style.safetensors")
    content = (trial.material.folder / "clip.y4m").read_bytes()
    reading, writing = os.pipe()
    run = trial.start(*_IN.words, stdin=reading)
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        os.set_blocking(pipe.fileno(), False)
        with suppress(BlockingIOError, BrokenPipeError):
            pipe.write(content[: trial.random.choice([0, trial.random.randrange(1 << 16)])])
        ends_while_it_waits(trial, _IN, run, trial.random.choice(list(SIGNALS.values())))


def reader_stops(trial: Trial) -> None:
    """Nobody reads standard output any more; a signal ends the run."""
    run, reading = _writing(trial)
    with os.fdopen(reading, "rb", buffering=0):
        ends_while_it_waits(trial, Command((), "", ()), run, trial.random.choice(list(SIGNALS.values())))
