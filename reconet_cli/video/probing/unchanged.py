"""What was found out about a file is remembered for as long as the file stays the same."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from reconet_cli.video.probing.source import Source

_MOST = 64  # answers for each question

Rest = ParamSpec("Rest")
Answer = TypeVar("Answer")


def while_unchanged(
    ask: Callable[Concatenate[str, Source, Rest], Answer],
) -> Callable[Concatenate[str, Source, Rest], Answer]:
    """`ask(program, source, …)`, once for a plain file; a film is opened again for each of its segments."""
    known: dict[tuple[str, str, int, int], Answer] = {}

    @functools.wraps(ask)
    def answer(program: str, source: Source, /, *rest: Rest.args, **named: Rest.kwargs) -> Answer:
        if source.passing or not source.url.startswith("file:"):
            return ask(program, source, *rest, **named)
        try:
            status = os.stat(source.url.removeprefix("file:"))
        except OSError:
            return ask(program, source, *rest, **named)
        key = program, repr(source), status.st_size, status.st_mtime_ns
        # Other threads may forget an answer at any time.
        with suppress(KeyError):
            return known[key]
        found = ask(program, source, *rest, **named)
        while len(known) >= _MOST:
            known.pop(next(iter(known)), None)
        known[key] = found
        return found

    return answer
