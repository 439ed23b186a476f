"""Curves, the worst pairs, and tables of measures."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.evaluation.clip import SPANS, ClipScore, Evaluation, FrameScore
from reconet_cli.evaluation.html.chart import Chart, Line, nice_step, thin
from reconet_cli.evaluation.measures.temporal import Trace
from reconet_cli.evaluation.tables import clip_tables
from reconet_cli.evaluation.worst import FULL_HEAT, Worst, heat_map


@pytest.mark.parametrize(
    ("highest", "step"), [(0.08, 0.02), (0.1, 0.025), (1, 0.25), (3, 1), (17, 5), (38, 10), (9000, 2500)]
)
def test_grid_lines_are_at_round_numbers(highest, step):
    assert nice_step(highest) == pytest.approx(step)


def numbers(path: str) -> list[list[tuple[float, float]]]:
    """The points of a path's pieces."""
    pieces = [piece.split("L") for piece in path.split("M")[1:]]
    return [[tuple(map(float, point.split())) for point in piece] for piece in pieces]


def test_a_curve_goes_through_its_values():
    svg = ET.fromstring(Chart("Error", [Line("a<b", [(0, 0.0), (5, 0.04), (10, 0.02)], 1)], stride=5).svg())
    (path,) = svg.iter("path")
    assert path.get("class") == "c1"
    assert path.findtext("title") == "a<b"
    (points,) = numbers(path.get("d"))
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert (y0 - y2) == pytest.approx((y0 - y1) / 2, abs=0.2)
    grid = [float(line.get("y1")) for line in svg.iter("line")]
    assert max(grid) == y0
    assert min(grid) == y1  # 0.04 is the highest grid line
    assert [text.text for text in svg.iter("text")][:5] == ["0", "0.010", "0.020", "0.030", "0.040"]


def test_a_curve_is_broken_where_frames_are_missing():
    svg = ET.fromstring(Chart("Error", [Line("a", [(0, 1), (1, 1), (7, 1), (20, 2), (21, 2)], None)]).svg())
    pieces = numbers(next(svg.iter("path")).get("d"))
    assert [len(piece) for piece in pieces] == [2, 2, 2]  # the lonely point is drawn from itself to itself


def test_nothing_and_zero_can_be_drawn():
    for points in ([], [(0, 0.0)], [(3, 0.0), (4, 0.0)]):
        ET.fromstring(Chart("Error", [Line("a", points, 0)]).svg())


def test_long_curves_keep_their_peaks():
    values = [(index, 0.5 + 0.1 * math.sin(index)) for index in range(20000)]
    values[7777] = (7777, 9.0)
    values[13001] = (13001, -9.0)
    kept = thin(values, 20)
    assert len(kept) <= 2000
    assert (7777, 9.0) in kept
    assert (13001, -9.0) in kept
    assert kept == sorted(kept)
    assert thin(values[:50], 1) == values[:50]
    svg = ET.fromstring(Chart("Error", [Line("a", values, 0)]).svg())
    (points,) = numbers(next(svg.iter("path")).get("d"))
    assert len(points) <= 1400


STILL = Trace(torch.zeros(1, 2, 20, 30), torch.ones(1, 1, 20, 30))
GREY = np.full((20, 30, 3), 100, np.uint8)


def kept(errors: list[float], count: int) -> list[int]:
    worst = Worst(count)
    for index, error in enumerate(errors):
        worst.see(index, error, GREY, GREY, STILL)
    return [pair.index for pair in worst.pairs]


def test_the_worst_pairs_are_kept_away_from_each_other():
    errors = [0.1] * 60
    errors[10], errors[11], errors[13], errors[30], errors[50] = 0.5, 0.9, 0.6, 0.7, 0.8
    assert kept(errors, 3) == [11, 50, 30]
    assert kept(errors, 1) == [11]
    assert kept(errors, 0) == []


def test_pictures_of_a_pair_show_what_differs():
    earlier, current = np.roll(GREY, 3, 1).copy(), GREY.copy()
    current[5:15, 10:20] += 90
    mask = torch.ones(1, 1, 20, 30)
    mask[..., :5] = 0
    worst = Worst(1)
    worst.see(4, 0.2, current, earlier, Trace(STILL.flow, mask))
    (pair,) = worst.pairs
    heat = cv2.imdecode(np.frombuffer(pair.heat, np.uint8), cv2.IMREAD_COLOR)
    assert heat[10, 15].mean() > 150  # the brightest color is a light yellow
    assert heat[2, 25].mean() < 20
    assert np.abs(heat[10, 2].astype(int) - 110).max() < 20
    carried = cv2.imdecode(np.frombuffer(pair.carried, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(carried.astype(int) - 100).max() < 10


def test_heat_grows_with_the_difference():
    gap = np.linspace(0, FULL_HEAT, 64, dtype=np.float32)[None]
    brightness = heat_map(gap, np.ones((1, 64), bool)).astype(int).sum(2)[0]
    assert (np.diff(brightness) >= -3).all()
    assert brightness[-1] - brightness[0] > 500


def score(name: str, error: float, sharp: float) -> ClipScore:
    frames = [FrameScore(sharp), FrameScore(sharp, {1: error})]
    return ClipScore(name, frames)


def test_tables_leave_out_what_was_not_measured():
    clips = [score("a", 0.2, 8), score("b", 0.05, 6)]
    found = Evaluation(score("original", 0.01, 10), clips, {1: [0.5], 5: [], 10: []})
    clips[1].rate = 31.26
    table, shares = clip_tables(found)
    assert table.header == ("temporal error", "e_stab", "sharpness", "fps")
    assert table.rows == [
        ("original (floor)", "0.0100", "10.00", ""),
        ("a", "0.2000", "8.00", ""),
        ("b", "0.0500", "6.00", "31.3"),
        ("pixels traced", "50%", "", ""),
    ]
    assert shares.rows == [("b", "25%", "75%")]
    lines = table.text().splitlines()
    assert len({line.rindex(".") for line in lines if line.startswith("b")}) == 1
    assert len(SPANS) == 3
