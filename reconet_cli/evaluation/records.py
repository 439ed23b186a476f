"""Measures as JSON and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from reconet_cli.evaluation.clip import MEASURES, SPANS, ClipScore, Evaluation
from reconet_cli.evaluation.published import PUBLISHED, SCENES
from reconet_cli.evaluation.truth import SceneScore


def clip_record(found: Evaluation) -> dict[str, Any]:
    """Means and single frames of all clips; null where nothing was measured."""
    return {
        "frames": len(found.source.frames),
        "coverage": {str(span): _plain(found.traced(span)) for span in SPANS},
        "original": _clip(found.source),
        "clips": [_clip(clip) for clip in found.painted],
    }


def _clip(clip: ClipScore) -> dict[str, Any]:
    return {
        "name": clip.name,
        "e_stab": _plain(clip.error()),
        "long_range": {str(span): _plain(clip.error(span)) for span in SPANS[1:]},
        **{name: _plain(getattr(clip, field)) for name, field, _ in MEASURES},
        "fps": _plain(clip.rate),
        "per_frame": [
            {
                "frame": index,
                "error": {str(span): error for span, error in frame.errors.items()},
                **{name: getattr(frame, field) for name, field, _ in MEASURES},
            }
            for index, frame in enumerate(clip.frames)
        ],
    }


def clip_csv(found: Evaluation) -> str:
    """One line a clip and frame, frames counted from 0; an empty cell where nothing was measured."""
    header = ["clip", "frame", *(f"error_{span}" for span in SPANS), *(f"traced_{span}" for span in SPANS)]
    rows: list[Sequence[object]] = [[*header, *(name for name, _, _ in MEASURES)]]
    for clip in (found.source, *found.painted):
        rows += _frame_rows(clip, found.coverage)
    return _csv(rows)


def _frame_rows(clip: ClipScore, coverage: dict[int, list[float]]) -> Iterator[Sequence[object]]:
    for index, frame in enumerate(clip.frames):
        errors = [frame.errors.get(span) for span in SPANS]
        traced = [coverage[span][index - span] if index >= span else None for span in SPANS]
        yield [clip.name, index, *errors, *traced, *(getattr(frame, field) for _, field, _ in MEASURES)]


def truth_record(scenes: Sequence[SceneScore], rates: dict[str, float]) -> dict[str, Any]:
    """Scenes with their pairs, frames a second, and the paper's rows."""
    return {
        "scenes": [
            {
                "scene": scene.scene,
                "coverage": scene.coverage,
                "original": scene.source,
                "e_stab": {name: scene.error(name) for name in rates},
                "pairs": [asdict(pair) for pair in scene.pairs],
            }
            for scene in scenes
        ],
        "fps": {name: _plain(rate) for name, rate in rates.items()},
        "published": [
            {"method": row.method, "e_stab": dict(zip(SCENES, row.errors, strict=True)), "fps": row.rate}
            for row in PUBLISHED
        ],
    }


def truth_csv(scenes: Sequence[SceneScore], names: Sequence[str]) -> str:
    """One line a pair."""
    rows: list[Sequence[object]] = [["scene", "pair", "traced", "original", *names]]
    for scene in scenes:
        for pair in scene.pairs:
            rows.append([scene.scene, pair.pair, pair.coverage, pair.source, *(pair.painted[name] for name in names)])
    return _csv(rows)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
