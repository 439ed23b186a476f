"""The page itself: tables, curves, and the worst frames as pictures, all in one file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from reconet_cli.evaluation.clip import MEASURES, SPANS, ClipScore, Evaluation, FrameScore
from reconet_cli.evaluation.html.chart import Chart, Line
from reconet_cli.evaluation.tables import FLOOR, Table, clip_tables
from reconet_cli.evaluation.truth import SceneScore
from reconet_cli.evaluation.worst import FULL_HEAT, WorstPair

_COLORS = 6
_MEANINGS = {
    "e_stab": "Temporal error of neighbors (ReCoNet, eq. 8): what is left of the change after the frame before was "
    "carried along with the motion, where it can be traced, on pixels from 0 to 1. Lower is steadier. The original's "
    "own error comes from flow, light and noise: a painting below it is smoother than the original.",
    "t-5, t-10": "The same over five and ten frames: slow drift shows here. Every error is a mean over all pixels of a "
    "frame, so where few can be traced it is small; compare clips of one table.",
    "perceptual": "What a loss network sees change from a frame to the next along the motion.",
    "style": "Distance to the style picture's Gram matrices: 0 is the picture's own statistics.",
    "content": "Distance from the original of what a loss network sees: 0 is the same.",
    "structure": "The structure term of SSIM on luma, beside the original: 1 is all of it. Contours and faces that a "
    "painting loses lower it.",
    "tone": "Correlation of light and shade with the original's, averaged down to 40 pixels: 1 is the same.",
    "sharpness": "Mean absolute Laplacian of the luma, in code values. Blur lowers it and the errors alike, noise "
    "raises both: read them together.",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def clip_page(found: Evaluation, about: Mapping[str, str]) -> str:
    """The page of painted clips; `about` are facts to tell, by their names."""
    names = [clip.name for clip in found.painted]
    gallery = [_gallery(name, pairs) for name, pairs in zip(names, found.worst, strict=True) if pairs]
    body = [
        _facts(about),
        *(_table(table) for table in clip_tables(found)),
        _curves(names, clip_charts(found)),
        *(["<h2>The worst pairs</h2>", _heat_legend(), *gallery] if gallery else []),
        "<h2>What the numbers mean</h2>",
        _facts(_MEANINGS),
    ]
    return _page(f"Flicker of {', '.join(names)}", body)


def truth_page(table: Table, scenes: Sequence[SceneScore], names: Sequence[str], about: Mapping[str, str]) -> str:
    """The page of a data set with true flow."""
    charts = [
        Chart(
            f"e_stab of {scene.scene}, by pair",
            [
                Line(FLOOR, [(i, pair.source) for i, pair in enumerate(scene.pairs)], None),
                *(
                    Line(name, [(i, pair.painted[name]) for i, pair in enumerate(scene.pairs)], n % _COLORS)
                    for n, name in enumerate(names)
                ),
            ],
        )
        for scene in scenes
        if len(scene.pairs) > 1
    ]
    body = [_facts(about), _table(table), *([_curves(names, charts)] if charts else [])]
    return _page(f"Flicker of {', '.join(names)} by true flow", [*body, _facts({"e_stab": _MEANINGS["e_stab"]})])


def _page(title: str, body: Sequence[str]) -> str:
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return _PAGE.format(title=escape(title), css=css, body="\n".join(body))


def clip_charts(found: Evaluation) -> list[Chart]:
    """Curves of every measure that was taken."""
    charts = [_chart(found, f"Temporal error, {_span(span)}", partial(_error, span)) for span in SPANS]
    charts.append(
        Chart(
            "Pixels traced",
            [
                Line(_span(span), [(i + span, share) for i, share in enumerate(found.coverage[span])], number)
                for number, span in enumerate(SPANS)
            ],
        )
    )
    charts += [_chart(found, name.capitalize(), attrgetter(field)) for name, field, _ in MEASURES]
    return [chart for chart in charts if any(line.points for line in chart.lines)]


def _error(span: int, frame: FrameScore) -> float | None:
    return frame.errors.get(span)


def _span(span: int) -> str:
    return "frame before" if span == 1 else f"{span} frames before"


def _chart(found: Evaluation, title: str, value: Callable[[FrameScore], float | None]) -> Chart:
    lines = [Line(FLOOR, _points(found.source, value), None)]
    lines += [Line(clip.name, _points(clip, value), n % _COLORS) for n, clip in enumerate(found.painted)]
    indices = [index for index, _ in lines[-1].points]
    stride = min((b - a for a, b in pairwise(indices)), default=1)
    return Chart(title, lines, stride, len(found.source.frames) - 1)


def _points(clip: ClipScore, value: Callable[[FrameScore], float | None]) -> list[tuple[int, float]]:
    found = ((index, value(frame)) for index, frame in enumerate(clip.frames))
    return [(index, number) for index, number in found if number is not None]


def _facts(facts: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in facts.items())}</dl>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(
        f"<tr><th>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll"><table><caption>{escape(table.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _curves(names: Sequence[str], charts: Sequence[Chart]) -> str:
    common = [FLOOR, *names]
    figures = []
    for chart in charts:
        lines = [line.name for line in chart.lines]
        own = "" if lines == common else _legend(chart.lines)
        figures.append(f"<figure><figcaption>{escape(chart.title)}</figcaption>{own}{chart.svg()}</figure>")
    legend = _legend(charts[0].lines)
    return f'<h2>Frame by frame</h2>{legend}<div class="charts">{"".join(figures)}</div>'


def _legend(lines: Sequence[Line]) -> str:
    swatch = '<svg viewBox="0 0 32 10" aria-hidden="true"><path class="{}" d="M1 5H31"/></svg>'
    entries = "".join(f"<li>{swatch.format(line.kind)}{escape(line.name)}</li>" for line in lines)
    return f'<ul class="legend">{entries}</ul>'


def _heat_legend() -> str:
    return (
        f'<p>Difference from 0 to {FULL_HEAT:g} and more; gray cannot be traced.</p><div class="heat" role="img" '
        f'aria-label="black over red to light yellow"></div>'
    )


def _gallery(name: str, pairs: Sequence[WorstPair]) -> str:
    rows = []
    for pair in pairs:
        pictures = (
            (f"frame {pair.index}", pair.current),
            (f"frame {pair.index - 1} carried onto it", pair.carried),
            (f"difference, e = {pair.error:.4f}", pair.heat),
        )
        rows.append(f'<div class="worst">{"".join(_picture(caption, data) for caption, data in pictures)}</div>')
    return f"<h3>{escape(name)}</h3>{''.join(rows)}"


def _picture(caption: str, jpeg: bytes) -> str:
    text = escape(caption)
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<figure><img alt="{text}" src="data:image/jpeg;base64,{data}"><figcaption>{text}</figcaption></figure>'
