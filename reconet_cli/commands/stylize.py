"""`reconet stylize`: a video or a picture, painted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands import effect_options
from reconet_cli.commands.batch_options import (
    Batch,
    batch_options,
    report,
    run_batch,
    run_cluster_batch,
    run_watch,
)
from reconet_cli.commands.media_options import check_encoding, check_moving, gpu_number, media_options
from reconet_cli.commands.parameters import (
    DURATION,
    FACTOR,
    RATE,
    SIZE,
    TIME,
    Command,
    check_variant,
    engine_options,
    refuse,
    threads_option,
)
from reconet_cli.commands.signals import ended_by_signals
from reconet_cli.commands.suggestions import suggest_files, suggest_styles, suggest_variants
from reconet_cli.system.processors import let_threads_sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from reconet_cli.engines.loaded_style import LoadedStyle
    from reconet_cli.stylizing.cluster.session import Session
    from reconet_cli.stylizing.effects import Effects
    from reconet_cli.stylizing.whole import Outcome, Progress
    from reconet_cli.video.request import Request


@click.command(
    "stylize",
    cls=Command,
    help="""Paint INPUT, a video or a picture, into OUTPUT. Many INPUTs, or folders, go into an --output-dir.

    Sound, subtitles, chapters and every frame's time are kept. The ending of OUTPUT chooses the kind of file.

    A - as INPUT reads standard input: y4m, a container, or rgb24 frames with --size and --fps. A - as OUTPUT
    writes y4m (rgb24 if that came in) to standard output:

    \b
    ffmpeg -i in.mp4 -f yuv4mpegpipe - |
        reconet stylize - - --style mosaic | ffplay -
    """,
    groups={
        "Common options": "--style --learn --deflicker --strength --keep-color --start --duration --output-dir "
        "--resumable --yes",
        "Effects": effect_options.GROUP,
        "Size and rate": "--size --scale --fps",
        "Clusters": "--cluster --cluster-transfer",
        "Many files": "--watch --name --skip-existing --shard",
        "The result": "--codec --crf --preset --encoder -e --no-audio",
        "The input": "--decoder --hdr --allow-playlists",
        "Pipes and live video": "--format --input-format --live --latency",
        "The network": "--variant --engine --device --precision --threads",
    },
)
@click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUTPUT", shell_complete=suggest_files)
@click.option(
    "--style",
    "styles",
    required=True,
    multiple=True,
    metavar="NAME|FILE|PICTURE",
    shell_complete=suggest_styles,
    help="What to paint with; `reconet styles` lists. A picture is learned first. May be given again.",
)
@click.option("--learn", type=DURATION, help="Learn the picture for so long (90, 5m), or go on with it.")
@effect_options.effect_options
@batch_options
@click.option(
    "--variant", default="auto", metavar="NAME", shell_complete=suggest_variants, help="Which network of the style."
)
@click.option("--resumable", is_flag=True, help="Keep what is done when interrupted; the same command goes on there.")
@click.option(
    "--cluster",
    metavar="SPEC",
    help="Paint in segments on a Dask cluster: local:4, tcp://host:8786, slurm:queue=gpu,workers=64.",
)
@click.option("--cluster-transfer", is_flag=True, help="Workers send segments back; no folder is shared.")
@click.option("--size", type=SIZE, help="Paint at this size (raw input: the size that it has).")
@click.option("--scale", type=FACTOR, help="Paint at this multiple of the input's size.")
@click.option("--fps", type=RATE, help="A new constant frame rate (raw input: its own).")
@click.option("--start", type=TIME, help="Begin here in the input.")
@click.option("--duration", type=TIME, help="Paint only so much of it.")
@media_options
@engine_options
@threads_option
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--ffmpeg", metavar="PATH", shell_complete=suggest_files, help="Which ffmpeg to use.")
def command(
    paths: tuple[str, ...],
    styles: tuple[str, ...],
    learn: float | None,
    effects: Effects,
    batch: Batch | None,
    variant: str,
    resumable: bool,
    cluster: str | None,
    cluster_transfer: bool,
    size: tuple[int, int] | None,
    scale: Fraction | None,
    fps: Fraction | None,
    start: Fraction | None,
    duration: Fraction | None,
    media: dict[str, Any],
    engine: str,
    device: str,
    precision: str,
    yes: bool,
    ffmpeg: str | None,
) -> int:
    if size and scale:
        raise click.UsageError("--size and --scale exclude each other")
    source, target = _places(paths, batch)
    if media["format"] and target != "-":
        raise click.UsageError("--format is for standard output (-)")
    if resumable and "-" in (source, target):
        raise click.UsageError("--resumable is for files, not for pipes (-)")
    if resumable and media["latency"]:
        raise click.UsageError("--resumable and --live exclude each other")
    if cluster and "-" in (source, target):
        raise click.UsageError("--cluster is for files, not for pipes (-)")
    if cluster and media["latency"]:
        raise click.UsageError("--cluster and --live exclude each other")
    if cluster_transfer and not cluster:
        raise click.UsageError("--cluster-transfer needs --cluster")
    if not (source == "-" and size and fps):
        refuse(["input_format"], "is for raw frames on standard input (-), with their --size and --fps")
    if duration is not None and duration <= 0:
        raise click.UsageError("--duration is not above 0")

    let_threads_sleep()
    from reconet_cli import console
    from reconet_cli.engines.kinds import EngineOptions
    from reconet_cli.stylizing.cluster.options import ClusterOptions
    from reconet_cli.stylizing.stylize import check_stylizing, stylize_file
    from reconet_cli.training.learning import Learning, load_styles
    from reconet_cli.video.request import Request

    request = Request(
        source, target, size, scale, fps, start, duration, overwrite=yes, ffmpeg=ffmpeg,
        gpu=gpu_number(device), **media,
    )  # fmt: skip
    items = batch.items(paths, styles, variant) if batch else []
    if not (batch and batch.watch):  # nobody knows what will arrive
        check_encoding([replace(request, output=str(item.target)) for item in items] if batch else [request])
    if not batch:
        check_moving(request, effects)
    with ended_by_signals(), console.Countdown() as countdown:
        # A wrong name, of a style or another file, shows before anything starts.
        learning = Learning(
            learn, tuple(item.source for item in items) if batch else (source,), start, duration, ffmpeg,
            ready=(lambda: None) if batch else lambda: check_stylizing(request, effects),
            on_progress=lambda picture, done, left: countdown(f"learning {picture}", done, left),
        )  # fmt: skip
        loaded = load_styles(styles, EngineOptions(variant, engine, device, precision), learning)
    check_variant(styles, [style.path for style in loaded])
    machines = ClusterOptions(cluster, cluster_transfer) if cluster else None

    def paint(
        source: str, target: str, sources: Sequence[str] = (), check: Callable[[], None] = lambda: None
    ) -> Outcome:
        one = replace(request, input=source, output=target, others=tuple(sources))
        with console.counter("painting", "frame") as progress:

            def advance(done: int, total: int | None) -> None:
                check()
                progress(done, total)

            return stylize_file(one, loaded, effects, resumable=resumable, cluster=machines, progress=advance)

    with ended_by_signals():
        if batch and batch.watch:
            return run_watch(paths, partial(batch.item, styles=styles, variant=variant), paint)
        if batch and machines:
            return run_cluster_batch(batch, items, machines, partial(_steps, request, loaded, effects))
        if batch:
            return run_batch(batch, items, paint)
        report(paint(source, target), "standard output" if target == "-" else target)
    return 0


def _steps(
    request: Request, styles: Sequence[LoadedStyle], effects: Effects, source: str, target: str,
    sources: Sequence[str], session: Session, progress: Progress, films: int,
) -> Generator[list[Any], None, Outcome]:  # fmt: skip
    from reconet_cli.stylizing.stylize import stylizing_steps

    request = replace(request, input=source, output=target, others=tuple(sources))
    return stylizing_steps(request, styles, effects, session, progress, films=films)


def _places(paths: tuple[str, ...], batch: Batch | None) -> tuple[str, str]:
    """INPUT and OUTPUT; of a batch the item's own ones come later."""
    if batch:
        if "-" in paths:
            raise click.UsageError("--output-dir is for files and folders, not for standard input (-)")
        return paths[0], str(batch.folder)
    if len(paths) != 2:
        hint = "; more than one INPUT needs --output-dir" if len(paths) > 2 else ""
        raise click.UsageError(f"INPUT and OUTPUT are needed{hint}")
    return paths[0], paths[1]
