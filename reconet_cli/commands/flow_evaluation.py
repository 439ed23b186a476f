"""What `reconet flow --evaluate` prints."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconet_cli.evaluation.flow import FlowErrors, WarpingCheck


def evaluate_methods(folder: Path, chosen: Sequence[str], scale: float, *, json: bool) -> None:
    """Measure the chosen methods, or all that are installed, on a data set, and print tables or JSON."""
    from reconet_cli import console
    from reconet_cli.evaluation.flow import check_warping, evaluate_flow
    from reconet_cli.flow.datasets import open_dataset

    pairs = open_dataset(folder).pairs
    methods = _installed(chosen)
    with console.progress("measuring", len(pairs) * (len(methods) + 1), "pair") as bar:

        def advance() -> None:
            bar.advance(bar.task_ids[0])

        errors = evaluate_flow(pairs, methods, scale, advance)
        checks = []
        for pair in pairs:
            checks.append(check_warping(pair))
            advance()
    if json:
        found = {"errors": [asdict(error) for error in errors], "warping": [asdict(check) for check in checks]}
        click.echo(json_format.dumps(found, indent=2))
    else:
        click.echo("\n".join([*_error_tables(errors), *_warping_table(checks)]))


def _installed(chosen: Sequence[str]) -> list[str]:
    from reconet_cli import console
    from reconet_cli.errors import FlowError
    from reconet_cli.flow.estimate import METHODS, check_method

    found = []
    for method in dict.fromkeys(chosen) or METHODS:
        try:
            check_method(method)
        except FlowError as problem:
            if chosen:
                raise
            console.note(f"left out: {problem}")
        else:
            found.append(method)
    return found


def _error_tables(errors: Sequence[FlowErrors]) -> Iterable[str]:
    from reconet_cli.evaluation.flow import THRESHOLDS, summarize

    by_layout = sorted(summarize(errors), key=lambda row: row[0].layout)
    for layout, rows in groupby(by_layout, key=lambda row: row[0].layout):
        summaries = list(rows)
        over = "".join(f"{f'>{threshold} px':>9}" for threshold in THRESHOLDS)
        yield f"{layout}, {_count(summaries[0][1])}"
        yield f"{'method':<14}{'EPE px':>9}{over}{'occl. F':>9}{'ms/pair':>9}"
        yield from (_error_row(summary) for summary, _ in summaries)
        yield ""


def _error_row(summary: FlowErrors) -> str:
    shares = "".join(f"{share:>9.1%}" for share in summary.over)
    score = "-" if summary.occlusion_f is None else f"{summary.occlusion_f:.3f}"
    return f"{summary.method:<14}{summary.end_point_error:>9.3f}{shares}{score:>9}{summary.milliseconds:>9.0f}"


def _warping_table(checks: Sequence[WarpingCheck]) -> Iterable[str]:
    width = max(len("true flow"), *(len(check.pair) for check in checks)) + 2
    yield "mean absolute difference of the frames where the mask says visible (of 255)"
    yield f"{'true flow':<{width}}{'unwarped':>9}{'warped':>9}{'visible':>9}"
    for check in checks:
        yield f"{check.pair:<{width}}{check.unwarped:>9.2f}{check.warped:>9.2f}{check.share:>9.1%}"


def _count(pairs: int) -> str:
    return "1 pair" if pairs == 1 else f"{pairs} pairs"
