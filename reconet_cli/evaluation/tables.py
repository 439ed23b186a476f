"""Measures as tables of text: the same for a terminal and a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconet_cli.evaluation.clip import MEASURES, SPANS, ClipScore, Evaluation
from reconet_cli.evaluation.published import PUBLISHED, SCENES
from reconet_cli.evaluation.truth import SceneScore

FLOOR = "original (floor)"


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header; the first column names the rows. An empty cell has no value."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def text(self) -> str:
        """The table in columns, numbers to the right."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        return "\n".join([self.title, *(_line(line, widths) for line in lines)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join([f"{cells[0]:<{widths[0]}}", *numbers]).rstrip()


def _number(value: float | None, digits: int = 4) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _share(value: float, reference: float) -> str:
    return f"{value / reference:.0%}" if reference and not math.isnan(value / reference) else ""


_CLIP_HEADER = ("e_stab", *(f"t-{span}" for span in SPANS[1:]), *(name for name, _, _ in MEASURES))


def _measures(clip: ClipScore) -> list[float]:
    return [*(clip.error(span) for span in SPANS), *(getattr(clip, field) for _, field, _ in MEASURES)]


def clip_tables(found: Evaluation) -> list[Table]:
    """All measures of all clips, and those of the second clip and later ones as shares of the first's."""
    rows = [_clip_row(clip) for clip in found.painted]
    header = ("temporal error", *_CLIP_HEADER, "fps")
    traced = ("pixels traced", *(f"{found.traced(span):.0%}" if found.coverage[span] else "" for span in SPANS))
    floor = _clip_row(found.source, FLOOR)
    rows = [floor, *rows, (*traced, *[""] * (len(header) - len(traced)))]
    tables = [_without_empty_columns(Table(f"{len(found.source.frames)} frames", header, rows))]
    if len(found.painted) > 1:
        first, *others = found.painted
        shares = [
            (clip.name, *(_share(a, b) for a, b in zip(_measures(clip), _measures(first), strict=True)))
            for clip in others
        ]
        title = f"as shares of {first.name}"
        tables.append(_without_empty_columns(Table(title, ("", *_CLIP_HEADER), shares)))
    return tables


def _clip_row(clip: ClipScore, name: str = "") -> tuple[str, ...]:
    digits = [4] * len(SPANS) + [places for _, _, places in MEASURES]
    numbers = [_number(value, places) for value, places in zip(_measures(clip), digits, strict=True)]
    return (name or clip.name, *numbers, _number(clip.rate, 1))


def _without_empty_columns(table: Table) -> Table:
    kept = [c for c in range(len(table.header)) if c == 0 or any(row[c] for row in table.rows)]

    def chosen(cells: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cells[column] for column in kept)

    return Table(table.title, chosen(table.header), [chosen(row) for row in table.rows])


def truth_table(title: str, scenes: Sequence[SceneScore], rates: dict[str, float], *, published: bool) -> Table:
    """e_stab by painter and scene with the mean over scenes; `rates` are frames a second by painter.

    `published` puts the paper's rows above, for the scenes that they tell of.
    """
    names = [scene.scene for scene in scenes]
    rows = [_published_row(names, index) for index in range(len(PUBLISHED))] if published else []
    rows += [
        _scene_row(painter, [scene.error(painter) for scene in scenes], _number(rate, 1))
        for painter, rate in rates.items()
    ]
    rows.append(_scene_row(FLOOR, [scene.source for scene in scenes], ""))
    coverage = [scene.coverage for scene in scenes]
    rows.append(("pixels traced", *(f"{share:.0%}" for share in (*coverage, sum(coverage) / len(coverage))), ""))
    return Table(title, ("temporal error", *names, "mean", "fps"), rows)


def _scene_row(name: str, errors: Sequence[float], rate: str) -> tuple[str, ...]:
    return (name, *(_number(error) for error in errors), _number(_mean(errors)), rate)


def _published_row(names: Sequence[str], index: int) -> tuple[str, ...]:
    row = PUBLISHED[index]
    known = dict(zip(SCENES, row.errors, strict=True))
    there = [known.get(name) for name in names]
    mean = _mean([error for error in there if error is not None])
    rate = "" if row.rate is None else f"{row.rate:g}"
    return (row.method, *(_number(error) for error in there), _number(mean), rate)


def _mean(values: Iterable[float]) -> float:
    there = list(values)
    return sum(there) / len(there) if there else math.nan
