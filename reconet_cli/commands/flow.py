"""`reconet flow`: optical flow into files or a color video, and its errors against ground truth."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.option_groups import GroupedCommand
from reconet_cli.commands.signals import ended_by_signals

if TYPE_CHECKING:
    from reconet_cli.flow.clips.frames import Frames
    from reconet_cli.flow.two_way import MotionSettings

# Said here so that `--help` needs no OpenCV; a test holds them together.
METHODS = (
    "dis-ultrafast",
    "dis-fast",
    "dis-medium",
    "farneback",
    "tvl1",
    "deepflow",
    "pcaflow",
    "denserlof",
    "raft",
)
FORMATS = ("flo", "pfm", "png", "npz")


@click.command(
    "flow",
    cls=GroupedCommand,
    help="""Estimate optical flow, the way of every pixel from a frame to the next.

    \b
    reconet flow A.png B.png OUT.flo      two pictures; .flo, .pfm, .npz, or .png as in KITTI
    reconet flow CLIP FOLDER              a file for each pair of frames
    reconet flow CLIP OUT.mp4             a color video, for looking
    reconet flow --evaluate FOLDER        errors against ground truth

    CLIP is a video or a folder of pictures. Flow files are named after the frame whose pixels they are for. A folder
    that is not finished is continued.
    """,
    groups={
        "Common options": "--method --backward --both --occlusion --scale --jobs --yes",
        "Flow files": "--format",
        "Color video": "--max-flow --legend",
        "Measuring": "--evaluate --json",
    },
)
@click.argument("paths", nargs=-1, metavar="INPUT... OUTPUT", type=click.Path(path_type=Path))
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHODS),
    help="How to estimate; repeatable with --evaluate.  [default: dis-medium; --evaluate: all]",
)
@click.option("--backward", is_flag=True, help="From each frame to the one before, instead of the one after.")
@click.option("--both", is_flag=True, help="Both directions, as NAME_forward and NAME_backward.")
@click.option("--occlusion", is_flag=True, help="Masks too, as NAME_visible.png: 255 where a pixel can be traced.")
@click.option(
    "--scale",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Compute at this multiple of the size; results stay in full-size pixels.",
)
@click.option("--format", type=click.Choice(FORMATS), help="Flow files in a folder.  [default: flo]")
@click.option(
    "--max-flow",
    type=click.FloatRange(0, min_open=True),
    help="Color video: pixels a frame that get the full color.  [default: from the clip]",
)
@click.option("--legend/--no-legend", default=None, help="Color video: the wheel and its size in a corner or not.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Processes to work on.  [default: one a processor, up to 8; 1 for short clips]",
)
@click.option("-y", "--yes", is_flag=True, help="Overwrite the file OUTPUT.")
@click.option(
    "--evaluate",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Measure methods against the true flow of a data set.",
)
@click.option("--json", is_flag=True, help="With --evaluate: print JSON instead of tables.")
def command(paths: tuple[Path, ...], evaluate: Path | None, **options: Any) -> None:
    # Spinning OpenMP threads make the masks several times slower as soon as anything else wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if evaluate:
        _check_evaluation(paths, options)
        from reconet_cli.commands.flow_evaluation import evaluate_methods

        evaluate_methods(evaluate, options["methods"], options["scale"], json=options["json"])
        return
    _check_estimation(paths, options)
    from reconet_cli.flow.estimate import check_method
    from reconet_cli.flow.two_way import MotionSettings

    settings = MotionSettings(
        options["methods"][0] if options["methods"] else "dis-medium", options["scale"], visible=options["occlusion"]
    )
    if options["backward"] or options["both"]:
        settings = replace(settings, directions=("forward", "backward") if options["both"] else ("backward",))
    check_method(settings.method)
    with ended_by_signals():
        _estimate(paths, settings, options)


def _check_evaluation(paths: tuple[Path, ...], options: dict[str, Any]) -> None:
    if paths:
        raise click.UsageError("--evaluate takes a folder of ground truth and nothing to write")
    taken = ("methods", "scale", "json")
    # --no-legend is False too, but not by default.
    wrong = [
        name
        for name, value in options.items()
        if name not in taken and (value or (name == "legend" and value is not None))
    ]
    if wrong:
        raise click.UsageError(f"--{wrong[0].replace('_', '-')} does not go with --evaluate")


def _check_estimation(paths: tuple[Path, ...], options: dict[str, Any]) -> None:
    if len(paths) not in (2, 3):
        raise click.UsageError("name a clip or two pictures, and where the flow goes")
    if len(options["methods"]) > 1 or options["json"]:
        raise click.UsageError("several methods and --json are for --evaluate")
    if options["backward"] and options["both"]:
        raise click.UsageError("--backward and --both exclude each other")
    into_folder, pair = _is_folder(paths[-1]), len(paths) == 3
    if pair and into_folder:
        raise click.UsageError("the flow of two pictures goes to a file: .flo, .pfm, .png or .npz")
    if options["format"] and not (into_folder and not pair):
        raise click.UsageError("--format is for a folder of flow files; a file's ending says its own")
    if (options["max_flow"] or options["legend"] is not None) and (pair or into_folder):
        raise click.UsageError("--max-flow and --legend are for a color video")
    if (options["both"] or options["occlusion"]) and not (pair or into_folder):
        raise click.UsageError("--both and --occlusion write files: name a folder")
    if options["yes"] and into_folder:
        raise click.UsageError("-y is for files; a folder is continued, or name another one")
    if options["jobs"] and pair:
        raise click.UsageError("--jobs is for clips")


def _is_folder(output: Path) -> bool:
    return output.is_dir() or not output.suffix


def _estimate(paths: tuple[Path, ...], settings: MotionSettings, options: dict[str, Any]) -> None:
    from reconet_cli import console
    from reconet_cli.errors import FlowError
    from reconet_cli.flow.clips.frames import open_frames
    from reconet_cli.flow.clips.workers import usual_jobs
    from reconet_cli.system.files import keep_apart
    from reconet_cli.video.inputs.names import files_of

    source, output = paths[0], paths[-1]
    began = time.perf_counter()
    if len(paths) == 3:
        from reconet_cli.flow.clips.outputs import write_pair

        for path in write_pair(source, paths[1], output, settings, overwrite=options["yes"]):
            console.note(f"flow by {settings.method}: {path}")
        return
    if not _is_folder(output):
        keep_apart([output], files_of(source), FlowError)
    frames = open_frames(source)
    jobs = options["jobs"] or usual_jobs(frames.total, settings.method)
    if _is_folder(output):
        done = _to_folder(frames, output, settings, jobs, options)
    else:
        done = _to_video(frames, output, settings, jobs, options)
    for sentence in frames.notes:
        console.note(sentence)
    console.note(f"{done} in {time.perf_counter() - began:.1f} s by {settings.method}: {output}")


def _to_folder(frames: Frames, output: Path, settings: MotionSettings, jobs: int, options: dict[str, Any]) -> str:
    from reconet_cli.flow.clips.folder import write_folder

    with _progress("flow", frames) as advance:
        outcome = write_folder(frames, output, f".{options['format'] or 'flo'}", settings, jobs, advance)
    kept = f" ({outcome.kept} more were there)" if outcome.kept else ""
    return f"{_pairs(outcome.written)}{kept}"


def _to_video(frames: Frames, output: Path, settings: MotionSettings, jobs: int, options: dict[str, Any]) -> str:
    from reconet_cli import console
    from reconet_cli.flow.clips.color_video import ColorSettings, write_color_video

    count = write_color_video(
        frames,
        output,
        settings,
        ColorSettings(options["max_flow"], options["legend"] is not False),
        jobs,
        overwrite=options["yes"],
        progress=lambda what: _progress(what, frames),
        note=console.note,
    )
    return _pairs(count)


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


@contextmanager
def _progress(what: str, frames: Frames) -> Iterator[Callable[[], None]]:
    from reconet_cli import console

    with console.progress(what, frames.total - 1 if frames.total else None, "pair") as bar:
        yield lambda: bar.advance(bar.task_ids[0])
