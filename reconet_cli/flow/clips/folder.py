"""Flow of every pair of neighboring frames, as files in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.flow.clips.frames import Frames, neighbors
from reconet_cli.flow.clips.outputs import Outputs, outputs_for
from reconet_cli.flow.clips.workers import in_order
from reconet_cli.flow.two_way import Direction, MotionSettings, measure_motion
from reconet_cli.system.files import replacing
from reconet_cli.system.json_text import json_value

# Says what the files of a folder were made from; they are continued only where it agrees.
MANIFEST = "reconet-flow.json"
_VERSION = 1


@dataclass(frozen=True)
class FolderOutcome:
    """How many pairs were written, and how many were there already, complete."""

    written: int
    kept: int


@dataclass(frozen=True)
class _Task:
    first: np.ndarray
    second: np.ndarray
    settings: MotionSettings
    outputs: dict[Direction, Outputs]


def write_folder(
    frames: Frames, folder: Path, suffix: str, settings: MotionSettings, jobs: int, on_pair: Callable[[], None]
) -> FolderOutcome:
    """Write one flow file a pair (and direction), named after the frame whose pixels it is for.

    So the first frame has no backward flow and the last no forward one. `suffix` is a flow file's; `on_pair` is
    called after each pair. Pairs whose files are there and whole are skipped. Raises `FlowError` for a folder that
    holds anything but an earlier run's files from the same frames and settings.
    """
    _claim(frames, folder, suffix, settings)
    kept = 0

    def missing() -> Generator[_Task, None, None]:
        nonlocal kept
        with closing(frames.read()) as read:
            for index, first, second in neighbors(read):
                stems: dict[Direction, str] = {"forward": frames.stem(index), "backward": frames.stem(index + 1)}
                outputs = {way: outputs_for(folder, stems[way], suffix, way, settings) for way in settings.directions}
                if all(output.are_complete(*first.pixels.shape[:2]) for output in outputs.values()):
                    kept += 1
                    on_pair()
                else:
                    yield _Task(first.pixels, second.pixels, settings, outputs)

    written = 0
    with closing(missing()) as tasks, closing(in_order(_write, tasks, jobs)) as done:
        for _ in done:
            written += 1
            on_pair()
    if not written + kept:
        raise FlowError(f"{frames.name} has a single frame", "flow needs two or more")
    return FolderOutcome(written, kept)


def _write(task: _Task) -> None:
    for way, motion in measure_motion(task.first, task.second, task.settings).items():
        task.outputs[way].write(motion)


def _claim(frames: Frames, folder: Path, suffix: str, settings: MotionSettings) -> None:
    """Make the folder this run's own, or continue in it."""
    wanted = {"version": _VERSION, "frames": frames.identity(), "format": suffix.removeprefix("."), **asdict(settings)}
    wanted = json.loads(json.dumps(wanted))  # as it will be read back: tuples become lists
    manifest = folder / MANIFEST
    try:
        folder.mkdir(exist_ok=True)
        if manifest.exists():
            _check_same(manifest, wanted)
        elif any(folder.iterdir()):
            raise FlowError(f"{folder} holds other files", "name a new or an empty folder")
    except OSError as problem:
        raise FlowError(f"cannot write in {folder}: {problem.strerror or problem}") from problem
    with replacing(manifest, FlowError) as part:
        part.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def _check_same(manifest: Path, wanted: dict[str, Any]) -> None:
    hint = "name another folder, or remove this one"
    try:
        found = json_value(manifest.read_bytes())
    except ValueError as problem:
        raise FlowError(f"{manifest} is damaged", hint) from problem
    different = [key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]]
    if different:
        raise FlowError(f"{manifest.parent} holds flow of other {' and '.join(different)}", hint)
