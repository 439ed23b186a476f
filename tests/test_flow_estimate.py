"""Estimators: the right direction, OpenCV's own numbers, clear refusals, and RAFT's conventions with a stand-in."""

import types
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.errors import FlowError
from reconet_cli.flow import METHODS, estimate_flow
from reconet_cli.flow import raft as raft_module
from reconet_cli.flow.estimate import check_method

OPENCV = tuple(method for method in METHODS if method != "raft")


def texture(height: int, width: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return (smooth * 255).astype(np.uint8)


def shifted_pair(right: int, down: int, height: int = 112, width: int = 144) -> tuple[np.ndarray, np.ndarray]:
    """Two cuts of one scene: what the first shows at p, the second shows at p + (right, down)."""
    scene = texture(height + 40, width + 40, 7)
    a = scene[20 : 20 + height, 20 : 20 + width]
    return a, scene[20 - down : 20 - down + height, 20 - right : 20 - right + width]


@pytest.mark.parametrize("method", OPENCV)
def test_a_shift_is_found_with_its_axes_and_signs(method):
    flow = estimate_flow(*shifted_pair(-4, 2), method)
    assert flow.dtype == np.float32
    assert flow.shape == (2, 112, 144)
    assert np.median(flow[0, 20:-20, 20:-20]) == pytest.approx(-4, abs=0.4)
    assert np.median(flow[1, 20:-20, 20:-20]) == pytest.approx(2, abs=0.4)


def test_dis_medium_is_what_opencv_gives_when_called_directly():
    a, b = shifted_pair(3, -2)
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (a, b)]
    direct = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*gray, None)
    flow = estimate_flow(a, b)
    np.testing.assert_array_equal(flow[0], direct[..., 0])
    np.testing.assert_array_equal(flow[1], direct[..., 1])


def test_threads_do_not_disturb_each_other():
    pairs = [shifted_pair(shift, 0) for shift in (-3, 0, 2, 4)] * 3
    alone = [estimate_flow(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: estimate_flow(*pair), pairs))
    np.testing.assert_array_equal(together, alone)


def test_pcaflow_gives_no_motion_for_frames_of_one_color():
    black, (a, _) = np.zeros((112, 144, 3), np.uint8), shifted_pair(0, 0)
    for pair in ((black, black), (black, a), (a, black)):
        assert not estimate_flow(*pair, "pcaflow").any()


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ((64, 64, 3), (64, 66, 3), "differ in size: 64x64 and 66x64"),
        ((64, 64), (64, 64), "first frame is not RGB"),
        ((64, 64, 3), (64, 64, 1), "second frame is not RGB"),
        ((64, 64, 4), (64, 64, 4), "first frame is not RGB"),
        ((1, 1, 3), (1, 1, 3), "16 px or more"),
        ((15, 640, 3), (15, 640, 3), "not 640x15"),
    ],
)
def test_frames_that_do_not_fit_are_refused(a, b, words):
    with pytest.raises(FlowError, match=words):
        estimate_flow(np.zeros(a, np.uint8), np.zeros(b, np.uint8))


def test_missing_and_float_frames_are_refused():
    frame = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(FlowError, match="second frame is missing"):
        estimate_flow(frame, None)
    with pytest.raises(FlowError, match="float32"):
        estimate_flow(frame.astype(np.float32), frame)


@pytest.mark.parametrize("method", OPENCV)
def test_frames_below_a_methods_smallest_size_are_refused_instead_of_ending_the_process(method):
    # OpenCV would crash on some of these, and never return from others.
    with pytest.raises(FlowError, match=f"{method} needs frames"):
        estimate_flow(*shifted_pair(1, 0, 15, 100), method)


def test_unknown_methods_are_refused():
    a, b = shifted_pair(0, 0)
    for call in (lambda: estimate_flow(a, b, "magic"), lambda: check_method("magic")):
        with pytest.raises(FlowError, match="'magic'") as caught:
            call()
        assert "dis-medium" in caught.value.hint


@pytest.mark.parametrize("method", ["tvl1", "deepflow", "pcaflow", "denserlof"])
def test_an_opencv_without_contrib_says_what_to_install(method, monkeypatch):
    monkeypatch.delattr(cv2, "optflow")
    a, b = shifted_pair(0, 0)
    for call in (lambda: estimate_flow(a, b, method), lambda: check_method(method)):
        with pytest.raises(FlowError) as caught:
            call()
        assert "opencv-contrib-python" in caught.value.hint


@pytest.fixture
def fresh_raft():
    raft_module.load.cache_clear()
    yield
    raft_module.load.cache_clear()


def stand_in(monkeypatch, build) -> None:
    """A torchvision whose RAFT is `build`."""
    weights = types.SimpleNamespace(url="https://host/raft.pth")
    monkeypatch.setattr(raft_module, "torchvisions", lambda: (build, weights))


class Coordinates(torch.nn.Module):
    """In place of RAFT: x is the first frame's red, y the second's blue, both as the network sees them."""

    seen: ClassVar[list[tuple[int, ...]]] = []

    def forward(self, a, b):
        self.seen.append(tuple(a.shape))
        flow = torch.stack([a[:, 0], b[:, 2]], dim=1)
        return [torch.zeros_like(flow), flow]


@pytest.mark.parametrize(("height", "width"), [(130, 201), (16, 40), (128, 136)])
def test_raft_gets_rgb_in_its_range_and_gives_the_frames_own_pixels(height, width, monkeypatch, fresh_raft):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    stand_in(monkeypatch, lambda weights, progress: Coordinates())
    a, b = texture(height, width, 1), texture(height, width, 2)
    flow = estimate_flow(a, b, "raft")
    np.testing.assert_allclose(flow[0], a[..., 0] / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(flow[1], b[..., 2] / 127.5 - 1, atol=1e-6)
    _, channels, high, wide = Coordinates.seen[-1]
    assert channels == 3
    assert high % 8 == wide % 8 == 0
    assert high == max(128, -(-height // 8) * 8)
    assert wide == max(128, -(-width // 8) * 8)


def test_raft_without_torchvision_says_what_to_install(monkeypatch, fresh_raft):
    monkeypatch.setattr(raft_module, "torchvisions", Mock(side_effect=ImportError("No module named 'torchvision'")))
    with pytest.raises(FlowError, match="torchvision") as caught:
        check_method("raft")
    assert "flow" in caught.value.hint


def test_raft_without_its_weights_says_where_they_go(monkeypatch, fresh_raft):
    def build(weights, progress):
        raise OSError("no network")

    stand_in(monkeypatch, build)
    with pytest.raises(FlowError, match="no network") as caught:
        check_method("raft")
    assert "https://host/raft.pth" in caught.value.hint
    assert "checkpoints" in caught.value.hint
