"""What an evaluation found, as tables, records, CSV and a page."""

from __future__ import annotations

import json as json_format
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconet_cli.evaluation import html, records, tables
from reconet_cli.evaluation.clip import ClipScore, Evaluation
from reconet_cli.evaluation.truth import SceneScore


class Report(ABC):
    """What `evaluate` and `evaluate_truth` return; `str` of it is its tables as text."""

    @abstractmethod
    def _tables(self) -> Sequence[tables.Table]: ...

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """Every number, ready for JSON."""

    @abstractmethod
    def csv(self) -> str:
        """A line a frame, or a line a pair of frames."""

    @abstractmethod
    def html(self) -> str:
        """A page of its own: tables, curves and, with `evaluate(worst=…)`, the worst frames."""

    def json(self) -> str:
        """The record as JSON."""
        return json_format.dumps(self.record(), indent=1, allow_nan=False) + "\n"

    def __str__(self) -> str:
        return "\n\n".join(table.text() for table in self._tables())


@dataclass
class ClipReport(Report):
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

    def _about(self) -> dict[str, str | None]:
        return {"original": self.original, "flow": self.flow, "loss_network": self.loss_network}

    def _tables(self) -> Sequence[tables.Table]:
        return tables.clip_tables(self.scores)

    def record(self) -> dict[str, Any]:
        return {"about": self._about(), **records.clip_record(self.scores)}

    def csv(self) -> str:
        return records.clip_csv(self.scores)

    def html(self) -> str:
        return html.clip_page(self.scores, {key.replace("_", " "): v or "none" for key, v in self._about().items()})


@dataclass
class TruthReport(Report):
    """Temporal errors on a data set with true flow, scene by scene; `rates` are frames a second by style."""

    folder: str
    size: tuple[int, int] | None
    title: str
    scenes: list[SceneScore]
    rates: dict[str, float]
    published: bool

    def _tables(self) -> Sequence[tables.Table]:
        return [tables.truth_table(self.title, self.scenes, self.rates, published=self.published)]

    def record(self) -> dict[str, Any]:
        about = {"folder": self.folder, "size": self.size, "flow": "true"}
        return {"about": about, **records.truth_record(self.scenes, self.rates)}

    def csv(self) -> str:
        return records.truth_csv(self.scenes, list(self.rates))

    def html(self) -> str:
        return html.truth_page(self._tables()[0], self.scenes, list(self.rates), {"data set": self.folder})
