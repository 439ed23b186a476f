"""An ffmpeg that is not what it says."""

from __future__ import annotations

from tests.faults import check
from tests.faults.commands import BATCH, PLAIN, RESUMABLE, STEADY
from tests.faults.material import FRAMES, HEIGHT, WIDTH
from tests.faults.stops import SIGNALS, ends_while_it_waits
from tests.faults.trial import Trial

_DECODER, _ENCODER = 'case "$*" in *showinfo*) ', 'case "$*" in *matroska*pipe:0*) '
_COUNTER, _JOINER = 'case "$*" in *-progress*) ', 'case "$*" in *concat*parts.txt*) '
_REST = ';;\n*) exec "$real" "$@";; esac'
_OUTPUT = '"$(for o; do :; done; echo "${o#file:}")"'


def lying(trial: Trial) -> None:
    """It ends early, writes too much, gives wrong sizes, a wrong status, or a status late."""
    command = trial.random.choice([PLAIN, RESUMABLE, STEADY, BATCH])
    trial.bring(*command.needs)
    some = trial.random.randrange(WIDTH * HEIGHT * 3 * FRAMES)
    status = trial.random.randrange(4)
    size, other = f"{WIDTH}x{HEIGHT}", f"{WIDTH + status - 1}x{HEIGHT}"
    script = trial.random.choice([
        f'{_DECODER} "$real" "$@" | head -c {some}; exit {status}{_REST}',
        f'{_DECODER} "$real" "$@"; exit {status}{_REST}',
        f'{_DECODER} "$real" "$@"; head -c {some % 1000} /dev/zero; exit {status}{_REST}',
        f'{_DECODER} "$real" "$@"; status=$?; sleep {status}; exit $status{_REST}',
        f'{_DECODER} head -c {some} /dev/zero; exit {status}{_REST}',
        f'{_DECODER} {{ "$real" "$@" 2>&1 >&3 | sed "s/ s:{size}/ s:{other}/" >&2; }} 3>&1{_REST}',
        f'{_ENCODER} head -c {some} | "$real" "$@"; exit {status}{_REST}',
        f'{_ENCODER} head -c {some} >/dev/null; exit {status}{_REST}',
        f'{_ENCODER} "$real" "$@"; exit {status}{_REST}',
        f'{_ENCODER} "$real" "$@"; status=$?; sleep {status}; exit $status{_REST}',
        f'{_ENCODER} cat >/dev/null; head -c {some % 5000} /dev/urandom >{_OUTPUT}{_REST}',
        f'{_ENCODER} "$real" "$@"; status=$?; head -c {some % 3000} {_OUTPUT} >cut; cat cut >{_OUTPUT}; rm cut; '
        f'exit $status{_REST}',
        f'{_COUNTER} "$real" "$@" | sed "s/frame=.*/frame={some % 40}/"{_REST}',
        f'{_COUNTER} exit {status}{_REST}',
        f'{_JOINER} "$real" "$@"; exit {status}{_REST}',
        f'{_JOINER} head -c {some % 5000} /dev/urandom >{_OUTPUT}{_REST}',
        f'"$real" "$@" 2>&1 | sed "s/{size}/{other}/" >&2',
        '"$real" "$@" 2>/dev/null',
        f'head -c {some} /dev/urandom; exit {status}',
        f'head -c {some % 5000} /dev/urandom >&2; exit {status}',
    ])  # fmt: skip
    trial.told.append(script)
    end = trial.end(trial.start(*command.words, "--ffmpeg", _program(trial, script)))
    check.ended(trial, end, 0, 1)
    check.tidy(trial, command.target, *(command.kept if end.status else ()))
    check.whole(trial, end, command.target)
    trial.clear()
    # Frames that the decoder gave, and the log that it wrote, are taken for true; so are the parts made of them.
    if not any((trial.work / name).exists() for name in {command.target, *command.kept}):
        check.again(trial, command)


def hanging(trial: Trial) -> None:
    """It does nothing at all, and ignores what it can; a signal ends the run."""
    command = trial.random.choice([PLAIN, RESUMABLE, BATCH])
    trial.bring(*command.needs)
    case = trial.random.choice([_DECODER, _ENCODER, _COUNTER, 'case "$*" in *debug*) '])
    deaf = trial.random.choice(["", "trap '' INT TERM HUP; "])
    script = f"{case} {deaf}sleep 1000{_REST}"
    trial.told.append(script)
    run = trial.start(*command.words, "--ffmpeg", _program(trial, script))
    ends_while_it_waits(trial, command, run, trial.random.choice(list(SIGNALS.values())))


def _program(trial: Trial, script: str) -> str:
    path = trial.folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\nreal='{trial.material.ffmpeg}'\n{script}\n")
    path.chmod(0o755)
    return str(path)
