"""What an evaluation found, as tables, records, CSV and a page."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reconet_cli.evaluation import html, records, tables
from reconet_cli.evaluation.clip import ClipScore, Evaluation
from reconet_cli.evaluation.truth import SceneScore


class Report(Protocol):
    """What `evaluate` and `evaluate_truth` return; `str` of it is its tables as text."""

    def record(self) -> dict[str, Any]:
        """Every number, ready for JSON."""
        ...

    def json(self) -> str:
        """The record as JSON."""
        ...

    def csv(self) -> str:
        """A line a frame, or a line a pair of frames."""
        ...

    def html(self) -> str:
        """A page of its own: tables, curves and the worst frames."""
        ...


@dataclass
class ClipReport:
    """Measures of painted clips beside their original; see `Evaluation` and `ClipScore`.

    `flow` is the method that motion was estimated by, `loss_network` the name of what compared style and content.
    """

    original: str
    flow: str
    loss_network: str | None
    scores: Evaluation

    @property
    def clips(self) -> list[ClipScore]:
        """The painted clips' measures."""
        return self.scores.painted

    def __str__(self) -> str:
        return _text(tables.clip_tables(self.scores))

    def _about(self) -> dict[str, str | None]:
        return {"original": self.original, "flow": self.flow, "loss_network": self.loss_network}

    def record(self) -> dict[str, Any]:
        """Every number, ready for JSON."""
        return {"about": self._about(), **records.clip_record(self.scores)}

    def json(self) -> str:
        """The record as JSON."""
        return _json(self.record())

    def csv(self) -> str:
        """A line a frame."""
        return records.clip_csv(self.scores)

    def html(self) -> str:
        """A page of its own, with curves; with `evaluate(worst=…)` also the worst frames."""
        return html.clip_page(self.scores, {key.replace("_", " "): v or "none" for key, v in self._about().items()})


@dataclass
class TruthReport:
    """Temporal errors on a data set with true flow, scene by scene; `rates` are frames a second by style."""

    folder: str
    size: tuple[int, int] | None
    title: str
    scenes: list[SceneScore]
    rates: dict[str, float]
    published: bool

    def _table(self) -> tables.Table:
        return tables.truth_table(self.title, self.scenes, self.rates, published=self.published)

    def __str__(self) -> str:
        return _text([self._table()])

    def record(self) -> dict[str, Any]:
        """Every number, ready for JSON."""
        about = {"folder": self.folder, "size": self.size, "flow": "true"}
        return {"about": about, **records.truth_record(self.scenes, self.rates)}

    def json(self) -> str:
        """The record as JSON."""
        return _json(self.record())

    def csv(self) -> str:
        """A line a pair of frames."""
        return records.truth_csv(self.scenes, list(self.rates))

    def html(self) -> str:
        """A page of its own, with curves."""
        return html.truth_page(self._table(), self.scenes, list(self.rates), {"data set": self.folder})


def _text(found: Sequence[tables.Table]) -> str:
    return "\n\n".join(table.text() for table in found)


def _json(record: dict[str, Any]) -> str:
    return json_format.dumps(record, indent=1, allow_nan=False) + "\n"
