"""The page itself: tables, curves, and the worst frames as pictures, all in one file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reconet_cli.evaluation.clip import MEASURES, SPANS, ClipScore, Evaluation, FrameScore
from reconet_cli.evaluation.html.chart import Chart, Line
from reconet_cli.evaluation.tables import FLOOR, Table, clip_tables
from reconet_cli.evaluation.truth import SceneScore
from reconet_cli.evaluation.worst import FULL_HEAT

_COLORS = 6
_MEANINGS = {
    "e_stab": "Temporal error of neighbors (ReCoNet, eq. 8): what is left of the change after the frame before was "
    "carried along with the motion, where it can be traced, on pixels from 0 to 1. Lower is steadier. The original's "
    "own error comes from flow, light and noise: a painting below it is smoother than the original.",
    "t-5, t-10": "The same over five and ten frames: slow drift shows here. Every error is a mean over all pixels of a "
    "frame, so where few can be traced it is small; compare clips of one table.",
    "E_warp": "Warping error of Lai et al. (ECCV 2018): the mean squared difference of a frame and the next one warped "
    "onto it, over the pixels that their own mask keeps.",
    "tOF": "TecoGAN's temporal measure (Chu et al., 2020): how far the painted clip's optical flow is from the "
    "original's, in pixels. Lower moves more alike.",
    "perceptual": "What a loss network sees change from a frame to the next along the motion.",
    "LPIPS": "The same by LPIPS (Zhang et al., CVPR 2018) with SqueezeNet's learned weights, where they are there.",
    "style": "Distance to the style picture's Gram matrices: 0 is the picture's own statistics.",
    "content": "Distance from the original of what a loss network sees: 0 is the same.",
    "structure": "The structure term of SSIM on luma, beside the original: 1 is all of it. Contours and faces that a "
    "painting loses lower it.",
    "tone": "Correlation of light and shade with the original's, averaged down to 40 pixels: 1 is the same.",
    "sharpness": "Mean absolute Laplacian of the luma, in code values. Blur lowers it and the errors alike, noise "
    "raises both: read them together.",
}
_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
_TEMPLATES.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
_PAGE = _TEMPLATES.get_template("page.html")


def clip_page(found: Evaluation, about: Mapping[str, str]) -> str:
    """The page of painted clips; `about` are facts to tell, by their names."""
    names = [clip.name for clip in found.painted]
    gallery = [(name, pairs) for name, pairs in zip(names, found.worst, strict=True) if pairs]
    return _PAGE.render(
        title=f"Flicker of {', '.join(names)}",
        about=about,
        tables=clip_tables(found),
        charts=clip_charts(found),
        gallery=gallery,
        full_heat=FULL_HEAT,
        meanings=_MEANINGS,
    )


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
    return _PAGE.render(
        title=f"Flicker of {', '.join(names)} by true flow",
        about=about,
        tables=[table],
        charts=charts,
        gallery=[],
        meanings={"e_stab": _MEANINGS["e_stab"]},
    )


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
    charts += [_chart(found, _title(name), attrgetter(field)) for name, field, _ in MEASURES]
    return [chart for chart in charts if any(line.points for line in chart.lines)]


def _title(measure: str) -> str:
    return measure.capitalize() if measure.islower() else measure


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
