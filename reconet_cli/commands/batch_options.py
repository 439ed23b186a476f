"""The options about many inputs, and what is printed about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.parameters import refuse
from reconet_cli.commands.suggestions import suggest_folders

if TYPE_CHECKING:
    from reconet_cli.stylizing.batch.names import Item
    from reconet_cli.stylizing.batch.shard import Shard
    from reconet_cli.stylizing.batch.work import Result
    from reconet_cli.stylizing.cluster.options import ClusterOptions
    from reconet_cli.stylizing.cluster.session import Session
    from reconet_cli.stylizing.whole import Outcome, Progress

_OPTIONS = [
    click.option(
        "--output-dir", metavar="FOLDER", shell_complete=suggest_folders,
        help="Paint every INPUT (of folders: every file) into this folder.",
    ),
    click.option("--name", metavar="TEMPLATE", help="Their names: {stem} {style} {suffix} {folder}."),
    click.option("--skip-existing", is_flag=True, help="Leave out what is there already."),
    click.option("--watch", is_flag=True, help="Keep watching the folders for new files, until Ctrl-C."),
    click.option("--shard", metavar="I/N|slurm", help="Only part I of N of the list, or this Slurm array task's."),
]  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Many inputs into a folder, under names by a template."""

    folder: Path
    name: str
    skip_existing: bool
    shard: Shard | None
    watch: bool

    def items(self, paths: Sequence[str], styles: Sequence[str], variant: str = "auto") -> list[Item]:
        """All tasks' items; of watched folders, those there. `variant` is that of named styles. Raises ReconetError."""
        from reconet_cli.stylizing.batch.names import list_items
        from reconet_cli.stylizing.batch.watch import items_there

        if self.watch:
            return items_there(paths, partial(self.item, styles=styles, variant=variant))
        return list_items(paths, self.folder, self.name, _style_names(styles, variant))

    def item(self, source: str, styles: Sequence[str], variant: str = "auto") -> Item:
        """The item of one input."""
        from reconet_cli.stylizing.batch.names import item_of

        return item_of(source, self.folder, self.name, _style_names(styles, variant))


def _style_names(styles: Sequence[str], variant: str) -> str:
    return "+".join(_style_name(style, variant) for style in styles)


def _style_name(style: str, variant: str) -> str:
    """A style's name in names: `starry`, or `starry-fast` where it was said which; `mine` of mine.safetensors."""
    from reconet_cli.styles.finding import names_picture, style_name

    path = Path(style)
    if names_picture(style):
        return path.stem
    if not path.is_file():
        return path.name if variant == "auto" else f"{path.name}-{variant}"
    name = style_name(path)
    return name if name == path.stem else f"{name}-{path.stem}"


def batch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets them as `batch`, None without --output-dir. Raises UsageError."""

    @wraps(command)
    def with_batch(
        *, output_dir: str | None, name: str | None, skip_existing: bool, shard: str | None, watch: bool, **options: Any
    ) -> Any:
        if output_dir is None and (name or skip_existing or shard or watch):
            raise click.UsageError("--name, --skip-existing, --shard and --watch need --output-dir")
        if watch:
            refuse(["shard"], "is for a list that is known, and --watch waits for more")
            refuse(["yes"], "would paint everything again, and --watch paints each file once")
        return command(batch=_batch(output_dir, name, skip_existing, shard, watch) if output_dir else None, **options)

    for option in reversed(_OPTIONS):
        with_batch = option(with_batch)
    return with_batch


def _batch(folder: str, name: str | None, skip_existing: bool, shard: str | None, watch: bool) -> Batch:
    from reconet_cli.stylizing.batch.names import NAME, check_name
    from reconet_cli.stylizing.batch.shard import parse_shard

    name = NAME if name is None else name
    try:
        check_name(name)
        return Batch(Path(folder), name, skip_existing, parse_shard(shard, os.environ) if shard else None, watch)
    except ValueError as wrong:
        raise click.UsageError(f"--{'name' if '{' in str(wrong) else 'shard'}: {wrong}") from wrong


def run_batch(batch: Batch, items: Sequence[Item], paint: Callable[[str, str, Sequence[str]], Outcome]) -> int:
    """Paint this task's part of all `items`, print the summary and return the exit status: 1 if any failed.

    `paint` takes an item's input and output, and all inputs (of the other tasks, too), which must stay.
    """
    from reconet_cli.stylizing.batch.work import work_through

    sources = [item.source for item in items]

    def paint_item(item: Item) -> tuple[int, float]:
        outcome = paint(item.source, str(item.target), sources)
        report(outcome, str(item.target))
        return outcome.frames, outcome.seconds

    return _run(batch, items, lambda part, results, **more: work_through(part, paint_item, results, **more))


def run_cluster_batch(
    batch: Batch,
    items: Sequence[Item],
    options: ClusterOptions,
    paint: Callable[[str, str, Sequence[str], Session, Progress, int], Generator[list[Any], None, Outcome]],
) -> int:
    """As `run_batch`, on a cluster, with as many files at a time as keep its workers busy.

    `paint` takes an item's input and output, all inputs, the cluster, what to call with frames and their total, and how
    many files are painted at a time.
    """
    from reconet_cli import console
    from reconet_cli.stylizing.batch.work import Steps, work_together
    from reconet_cli.stylizing.cluster.dispatch import wait_for
    from reconet_cli.stylizing.cluster.session import Session

    sources = [item.source for item in items]
    frames: dict[str, tuple[int, int]] = {}

    with console.counter("painting", "frame") as progress, Session(options) as session:
        there = len(batch.shard.of(items)) if batch.shard else len(items)
        most = min(len(session.client.nthreads()), there) or 1

        def steps(item: Item) -> Steps:
            def advance(done: int, total: int | None) -> None:
                frames[item.source] = (done, total or 0)
                progress(sum(each[0] for each in frames.values()), sum(each[1] for each in frames.values()))

            outcome = yield from paint(item.source, str(item.target), sources, session, advance, most)
            report(outcome, str(item.target))
            return outcome.frames, outcome.seconds

        def room(running: int) -> bool:
            return running < most and session.is_idle()

        return _run(
            batch,
            items,
            lambda part, results, **more: work_together(part, steps, results, room=room, wait=wait_for, **more),
        )


def _run(batch: Batch, items: Sequence[Item], work: Callable[..., None]) -> int:
    """Have `work` paint this task's part of all `items`, print the summary and return the exit status."""
    from reconet_cli import console

    part = batch.shard.of(items) if batch.shard else items
    results: list[Result] = []
    try:
        work(
            part,
            results,
            skip_existing=batch.skip_existing,
            begin=lambda number, item: console.note(f"[{number}/{len(part)}] {item.source}"),
            failed=lambda item, error: console.error(error.message, error.hint),
        )
    finally:
        _print_results(results)
    return int(any(result.state == "failed" for result in results))


def run_watch(
    paths: Sequence[str],
    item_of: Callable[[str], Item],
    paint: Callable[[str, str, Sequence[str], Callable[[], None]], Outcome],
) -> int:
    """Paint what is in the folders and what arrives, until Ctrl-C, and return the exit status: 1 if any failed.

    `paint` takes an item's input and output, other inputs, and what it is to call now and then.
    """
    from reconet_cli import console
    from reconet_cli.stylizing.batch.watch import Watch

    def paint_item(item: Item, check: Callable[[], None]) -> tuple[int, float]:
        outcome = paint(item.source, str(item.target), (), check)
        report(outcome, str(item.target))
        return outcome.frames, outcome.seconds

    watch = Watch(
        [Path(path) for path in paths],
        item_of,
        paint_item,
        begin=lambda item: console.note(item.source),
        failed=lambda item, error: console.error(error.message, error.hint),
    )
    console.note(f"watching {', '.join(paths)}; Ctrl-C ends it")
    with suppress(KeyboardInterrupt):  # its usual end
        watch.run()
    counts = watch.counts
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()))
    return int(counts["failed"] > 0)


def report(outcome: Outcome, name: str) -> None:
    """Say in one line what was painted."""
    from reconet_cli import console

    pace = outcome.frames / outcome.seconds if outcome.seconds > 0 else 0.0
    frames = "1 frame" if outcome.frames == 1 else f"{outcome.frames} frames"
    console.note(f"{frames} of {outcome.size[0]}x{outcome.size[1]} in {outcome.seconds:.1f} s ({pace:.1f} fps): {name}")


def _print_results(results: Sequence[Result]) -> None:
    click.echo(f"{'':<9}{'frames':>8}{'seconds':>10}")
    for result in results:
        amount = f"{result.frames:>8}{result.seconds:>10.1f}" if result.state == "painted" else f"{'-':>8}{'-':>10}"
        about = f"{result.item.source} -> {result.item.target}"
        click.echo(f"{result.state:<9}{amount}  {about}{f' ({result.problem})' if result.problem else ''}")
    states = [result.state for result in results]
    click.echo(", ".join(f"{states.count(state)} {state}" for state in ("painted", "skipped", "failed")))
