"""The kinds of faults: each is a function that runs a trial and says what was wrong in it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial

from tests.faults import check, inject
from tests.faults.material import STYLIZE, TRAIN
from tests.faults.trial import Ended, Trial

_STYLE = ("--style", "style.safetensors")
_WHILE = 4.0  # seconds within which own processes are sent signals
Kind = Callable[[Trial], bool | None]  # False where it cannot be tried on this machine


def _command(trial: Trial) -> tuple[tuple[str, ...], str]:
    """One of several commands, and what it makes."""
    trial.bring("clip.mp4", "style.safetensors")
    target, more = trial.random.choice([
        ("out.mp4", ()), ("out.mkv", ()), ("out.mp4", ("--resumable",)), ("out.mkv", ("--resumable", "--deflicker")),
    ])  # fmt: skip
    return (*STYLIZE, "clip.mp4", target, *_STYLE, *more), target


def _again(trial: Trial, arguments: tuple[str, ...], target: str, **options: dict[str, str]) -> None:
    """The same command, without a fault, makes what it would have made."""
    end = trial.end(trial.start(*arguments, "-y", **options))
    check.ended(trial, end, 0)
    check.whole(trial, end, target, trial.material.reference(arguments, target))
    check.tidy(trial, target)


def _fault(trial: Trial, end: Ended, arguments: tuple[str, ...], target: str, *allowed: int) -> None:
    """What holds after a fault in a run that might have made `target`; then the same command."""
    check.ended(trial, end, *allowed)
    check.whole(trial, end, target, trial.material.reference(arguments, target))
    if end.status != -signal.SIGKILL:
        check.tidy(trial, target, *([f"{target}.parts"] if "--resumable" in arguments and end.status else []))
    trial.clear()
    _again(trial, arguments, target)


def signalled(who: str, number: int, trial: Trial) -> None:
    """A signal at a random moment."""
    arguments, target = _command(trial)
    expected = trial.material.reference(arguments, target)
    assert expected
    process = trial.start(*arguments)
    inject.send(trial, process, who, number, _WHILE)
    # Before Python can handle it, it ends as every program does.
    allowed = (0, 1) if who in ("decoder", "encoder") else (0, 130, -number)
    _fault(trial, trial.end(process), arguments, target, *allowed)


def limited(trial: Trial) -> None:
    """No file may grow beyond a random byte."""
    arguments, target = _command(trial)
    most = 1 << trial.random.randint(4, 17)
    process = trial.start(*arguments, first=inject.file_limit(trial.random.randrange(most)))
    _fault(trial, trial.end(process), arguments, target, 0, 1)


def full_disk(trial: Trial) -> bool:
    """A disk with room for a part of what is written."""
    arguments, target = _command(trial)
    arguments = tuple(f"disk/{target}" if word == target else word for word in arguments)
    disk = trial.work / "disk"
    with inject.small_disk(disk, 4096 * trial.random.randint(1, 40)) as grow:
        if grow is None:
            return False
        end = trial.end(trial.start(*arguments))
        check.ended(trial, end, 0, 1)
        check.whole(trial, end, f"disk/{target}")
        allowed = {target} if end.status == 0 else {f"{target}.parts"} if "--resumable" in arguments else set()
        trial.wrong += [f"{path.name} is left" for path in disk.iterdir() if path.name not in allowed]
        grow()
        end = trial.end(trial.start(*arguments, "-y"))
        check.ended(trial, end, 0)
        plain = tuple(word.removeprefix("disk/") for word in arguments)
        check.whole(trial, end, f"disk/{target}", trial.material.reference(plain, target))
    return True


def writer_leaves(trial: Trial) -> None:
    """The writer of standard input pauses, and stops at a random byte or at the end."""
    trial.bring("style.safetensors")
    content = (trial.material.folder / "clip.y4m").read_bytes()
    cut = trial.random.choice([len(content), trial.random.randrange(len(content))])
    process = trial.start(*STYLIZE, "-", "out.mp4", *_STYLE, stdin=subprocess.PIPE)
    pause = trial.random.uniform(0, 1)
    pipe = process.stdin
    assert pipe is not None
    try:
        pipe.write(content[: cut // 2])
        time.sleep(pause)
        pipe.write(content[cut // 2 : cut])
        pipe.close()
    except BrokenPipeError:
        pass
    end = trial.end(process)
    ends_frame = (cut - content.index(b"FRAME")) % (96 * 64 * 3 // 2 + 6) == 0 and cut > content.index(b"FRAME")
    check.ended(trial, end, 0, *(() if ends_frame else (1,)))
    if end.status == 0 and not (ends_frame or "left out" in end.said):
        trial.wrong.append("half a frame is left out without a word")
    check.whole(trial, end, "out.mp4")
    check.tidy(trial, "out.mp4")


def reader_leaves(trial: Trial) -> None:
    """The reader of standard output pauses and goes after a random byte."""
    trial.bring("clip.mp4", "style.safetensors")
    form = trial.random.choice(["y4m", "rgb24", "matroska"])
    process = trial.start(*STYLIZE[:-2], "clip.mp4", "-", "--format", form, *_STYLE, stdout=subprocess.PIPE)
    pipe = process.stdout
    assert pipe is not None
    pipe.read(trial.random.randrange(1, 1 << 20))
    time.sleep(trial.random.uniform(0, 0.5))
    pipe.close()
    end = trial.end(process)
    check.ended(trial, end, 0, 1)
    check.tidy(trial)


def lying(trial: Trial) -> None:
    """An ffmpeg that is not what it says."""
    arguments, target = _command(trial)
    end = trial.end(trial.start(*arguments, "--ffmpeg", inject.lying_ffmpeg(trial)))
    check.ended(trial, end, 0, 1)
    check.tidy(trial, target, *([f"{target}.parts"] if "--resumable" in arguments and end.status else []))
    path = trial.work / target
    if path.exists() and len(trial.material.pictures(path) or ()) == 0:
        trial.wrong.append(f"{target} does not decode")
    trial.clear()
    if not (path.exists() or (trial.work / f"{target}.parts").exists()):
        _again(trial, arguments, target)


def hostile(name: str, trial: Trial) -> None:
    """Damaged media or weights."""
    target = "out.png" if name == "picture.png" else "out.mp4"
    clip = "few.mp4" if name == "style.safetensors" else name
    trial.bring(clip, "style.safetensors")
    inject.damage(trial.random, trial.work / name)
    more = () if target == "out.png" else STYLIZE[-2:]
    command = (*STYLIZE[:-2], clip, target, *_STYLE, *more, "-y")
    for _ in range(2):
        end = trial.end(trial.start(*command))
        check.ended(trial, end, 0, 1)
        check.whole(trial, end, target)
        check.tidy(trial, target)
        trial.clear()


def parts(trial: Trial) -> None:
    """A killed run whose manifest, segments or memories are damaged."""
    trial.bring("clip.mp4", "style.safetensors")
    more = trial.random.choice([(), ("--deflicker",)])
    arguments = (*STYLIZE, "clip.mp4", "out.mp4", *_STYLE, "--resumable", *more)
    expected = trial.material.reference(arguments, "out.mp4")
    process, folder = trial.start(*arguments), trial.work / "out.mp4.parts"
    while process.poll() is None and not list(folder.glob("00000[1-9].mp4")):
        time.sleep(0.002)
    process.kill()
    trial.end(process)
    trial.clear()
    files = sorted(folder.iterdir()) if folder.exists() else []
    if files:
        inject.damage(trial.random, trial.random.choice(files))
    end = trial.end(trial.start(*arguments, "-y"))
    check.ended(trial, end, 0, 1)
    check.whole(trial, end, "out.mp4", expected)


def cache(trial: Trial) -> None:
    """A damaged cache of models."""
    trial.bring("clip.mp4", "style.safetensors")
    arguments = (*STYLIZE, "clip.mp4", "out.mp4", *_STYLE)
    trial.material.reference(arguments, "out.mp4")
    own = trial.log.with_name("cache")
    shutil.copytree(trial.material.cache, own)
    for path in [path for path in own.rglob("*") if path.is_file() and trial.random.random() < 0.7]:
        inject.damage(trial.random, path)
    _again(trial, arguments, "out.mp4", more={"RECONET_CACHE": str(own)})


def checkpoint(trial: Trial) -> None:
    """A damaged checkpoint of a training, or another damaged file of it."""
    shutil.copytree(trial.material.checkpoint(), trial.work, dirs_exist_ok=True)
    found = [path for path in (trial.work / "trained").rglob("*") if path.is_file()]
    likely = [path for path in found if "checkpoint" in path.name] or found
    inject.damage(trial.random, trial.random.choice([trial.random.choice(found), trial.random.choice(likely)]))
    end = trial.end(trial.start(*TRAIN, "--steps", "3", "--resume", "-y"))
    check.ended(trial, end, 0, 1, 2)


def flow(trial: Trial) -> None:
    """A damaged folder of flow files, gone on with."""
    trial.bring("few.mp4")
    arguments = ("flow", "few.mp4", "flow", "--method", "dis-ultrafast", "--occlusion")
    check.ended(trial, trial.end(trial.start(*arguments)), 0)
    inject.damage(trial.random, trial.random.choice(sorted((trial.work / "flow").iterdir())))
    check.ended(trial, trial.end(trial.start(*arguments)), 0, 1)
    check.tidy(trial, "flow")


KINDS: dict[str, Kind] = {
    **{f"kill -9 {who}": partial(signalled, who, signal.SIGKILL) for who in ("process", "decoder", "encoder")},
    **{
        f"SIG{name} {who}": partial(signalled, who, number)
        for name, number in inject.SIGNALS.items()
        for who in ("process", "group")
    },
    "file size limit": limited,
    "full disk": full_disk,
    "writer leaves": writer_leaves,
    "reader leaves": reader_leaves,
    "lying ffmpeg": lying,
    **{
        f"hostile {name}": partial(hostile, name)
        for name in ("clip.mp4", "clip.mkv", "clip.y4m", "picture.png", "style.safetensors")
    },
    "damaged parts": parts,
    "damaged cache": cache,
    "damaged checkpoint": checkpoint,
    "damaged flow": flow,
}


def kind_of(seed: int) -> str:
    """The kind that a seed tries."""
    return list(KINDS)[seed % len(KINDS)]


def attempt(trial: Trial, seed: int) -> bool:
    """Try a seed's fault; False where that cannot be done here."""
    try:
        return KINDS[kind_of(seed)](trial) is not False
    finally:
        trial.clear()
