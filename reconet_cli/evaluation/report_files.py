"""The files of a report: they appear under their names when they are complete."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from reconet_cli.errors import EvaluationError
from reconet_cli.evaluation.reports import Report
from reconet_cli.system.files import keep_apart
from reconet_cli.video.writing.target import Target, Unfinished

log = logging.getLogger("reconet")


class ReportFiles:
    """Places for a report as JSON, CSV and HTML, each a path or None, checked before anything is measured.

    They never replace `inputs`. Raises EvaluationError where two are the same, or one is an input; MediaError where one
    cannot be written, or is there already and not to `overwrite`.
    """

    def __init__(
        self, json: Path | None, csv: Path | None, html: Path | None, inputs: Sequence[Path], *, overwrite: bool
    ) -> None:
        self._paths = {kind: path for kind, path in {"json": json, "csv": csv, "html": html}.items() if path}
        self._inputs = inputs
        self._overwrite = overwrite
        self._targets: dict[str, Unfinished] = {}
        self._stack = ExitStack()

    def __enter__(self) -> ReportFiles:
        keep_apart(self._paths.values(), self._inputs, EvaluationError)
        with ExitStack() as stack:
            for kind, path in self._paths.items():
                self._targets[kind] = stack.enter_context(Target(path, overwrite=self._overwrite))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def write(self, report: Report) -> None:
        """Write each file that was asked for."""
        texts = {"json": report.json, "csv": report.csv, "html": report.html}
        for kind, target in self._targets.items():
            # Names of files need not be text.
            target.part.write_text(texts[kind](), encoding="utf-8", errors="backslashreplace")
            target.commit()
            log.info(f"{kind}: {target.path}")
