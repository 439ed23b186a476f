"""Errors of flow against ground truth, by hand-made numbers."""

import struct
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from reconet_cli.cli import run
from reconet_cli.evaluation import flow as evaluation
from reconet_cli.evaluation.flow import FlowErrors, evaluate_flow, f_measure, summarize
from reconet_cli.flow import raft
from reconet_cli.flow.datasets import open_dataset
from reconet_cli.flow.two_way import Motion

HEIGHT, WIDTH = 48, 64


def sintel(folder):
    """One pair of noise whose left half moves by (3, 4), of which the left quarter is occluded, a corner invalid."""
    pictures = {
        "final/alley/frame_0001.png": np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8),
        "final/alley/frame_0002.png": np.random.default_rng(2).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8),
        "occlusions/alley/frame_0001.png": np.zeros((HEIGHT, WIDTH), np.uint8),
        "invalid/alley/frame_0001.png": np.zeros((HEIGHT, WIDTH), np.uint8),
    }
    pictures["occlusions/alley/frame_0001.png"][:, : WIDTH // 4] = 255
    pictures["invalid/alley/frame_0001.png"][: HEIGHT // 2, WIDTH // 2 :] = 255
    for name, pixels in pictures.items():
        path = folder / "training" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)
    flow = np.zeros((HEIGHT, WIDTH, 2), "<f4")
    flow[:, : WIDTH // 2] = 3, 4
    path = folder / "training" / "flow" / "alley" / "frame_0001.flo"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PIEH" + struct.pack("<ii", WIDTH, HEIGHT) + flow.tobytes())
    return open_dataset(folder).pairs


def test_errors_are_taken_over_known_pixels_and_occlusions_by_f_measure(tmp_path, monkeypatch):
    def no_motion(a, b, settings):
        visible = np.ones((HEIGHT, WIDTH), bool)
        visible[:, : WIDTH // 2] = False
        return {"forward": Motion(np.zeros((2, HEIGHT, WIDTH), np.float32), visible if settings.visible else None)}

    monkeypatch.setattr(evaluation, "measure_motion", no_motion)
    (row,) = evaluate_flow(sintel(tmp_path), ["dis-medium"])
    # Known: the left half, off by 5 px, and a quarter of the frame that is right.
    assert row.end_point_error == pytest.approx(5 * 2 / 3)
    assert row.over == pytest.approx((2 / 3, 2 / 3, 0))
    # Half of what is said to be hidden is, and all that is hidden is said to be.
    assert row.occlusion_f == pytest.approx(2 * 0.5 * 1 / 1.5)


def test_f_measure():
    true = np.array([True, True, True, False, False, False])
    assert f_measure(true, true) == 1
    assert f_measure(~true, true) == 0
    assert f_measure(np.zeros(6, bool), np.zeros(6, bool)) == 1
    found = np.array([True, False, False, True, False, False])  # precision 1/2, recall 1/3
    assert f_measure(found, true) == pytest.approx(0.4)


def test_summaries_give_each_pair_the_same_weight_and_keep_layouts_apart():
    rows = [
        FlowErrors("dis-fast", "Sintel", "a", 1.0, (0.1, 0.0, 0.0), 0.5, 10.0),
        FlowErrors("dis-fast", "Sintel", "b", 3.0, (0.3, 0.2, 0.0), None, 30.0),
        FlowErrors("dis-fast", "KITTI", "c", 7.0, (1.0, 1.0, 1.0), None, 1.0),
    ]
    (first, pairs), (second, _) = summarize(rows)
    assert (first.method, first.layout, pairs) == ("dis-fast", "Sintel", 2)
    assert first.end_point_error == 2
    assert first.over == pytest.approx((0.2, 0.1, 0))
    assert first.occlusion_f == 0.5
    assert first.milliseconds == 20
    assert (second.layout, second.end_point_error, second.occlusion_f) == ("KITTI", 7, None)


def test_the_table_has_a_score_for_occlusions(tmp_path, capsys):
    sintel(tmp_path)
    assert run(["flow", "--evaluate", str(tmp_path), "--method", "dis-fast"]) == 0
    _, header, row = capsys.readouterr().out.splitlines()[:3]
    assert header.split()[-3:-1] == ["occl.", "F"]
    assert 0 < float(row.split()[-2]) < 1


def test_methods_that_are_not_installed_are_left_out_unless_asked_for(tmp_path, capsys, monkeypatch):
    sintel(tmp_path)
    monkeypatch.delattr(cv2, "optflow")
    monkeypatch.setattr(raft, "torchvisions", Mock(side_effect=ImportError("No module named 'torchvision'")))
    assert run(["flow", "--evaluate", str(tmp_path), "--method", "tvl1"]) == 1
    assert "opencv-contrib-python" in capsys.readouterr().err
    # DIS's faster presets and Farneback remain; all fit frames of 48 px.
    assert run(["flow", "--evaluate", str(tmp_path)]) == 0
    said = capsys.readouterr()
    for method in ("tvl1", "deepflow", "pcaflow", "denserlof", "raft"):
        assert f"\n{method} " not in said.out
    assert "\nfarneback " in said.out
    assert said.err.count("left out") == 5
