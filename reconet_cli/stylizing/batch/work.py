"""Through the list: one failure does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from reconet_cli.errors import ReconetError
from reconet_cli.stylizing.batch.names import Item
from reconet_cli.system.failures import as_error


@dataclass(frozen=True)
class Result:
    """What became of an item; `frames` and `seconds` where it was painted, `problem` where it failed."""

    item: Item
    state: Literal["painted", "skipped", "failed"]
    frames: int = 0
    seconds: float = 0.0
    problem: str = ""


def work_through(
    items: Sequence[Item],
    paint: Callable[[Item], tuple[int, float]],
    results: list[Result],
    *,
    skip_existing: bool,
    begin: Callable[[int, Item], None],
    failed: Callable[[Item, ReconetError], None],
) -> None:
    """Paint every item and append what became of it to `results`, as it happens.

    `paint` returns frames and seconds; `begin(number, item)`, counted from 1, is called before it, `failed` with
    its error. An output that is there was finished, because unfinished ones never have their name: with
    `skip_existing` it stays.
    """
    for number, item in enumerate(items, 1):
        if skip_existing and item.target.exists():
            results.append(Result(item, "skipped"))
            continue
        begin(number, item)
        try:
            item.target.parent.mkdir(parents=True, exist_ok=True)
            frames, seconds = paint(item)
        except Exception as problem:
            error = as_error(problem, item.source)
            results.append(Result(item, "failed", problem=error.message))
            failed(item, error)
        else:
            results.append(Result(item, "painted", frames, seconds))
