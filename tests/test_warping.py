"""Warping: properties that hold by definition, and OpenCV as the independent computation."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reconet_cli.warping import (
    inside_frame,
    luminance,
    motion_boundaries,
    resize_flow,
    resize_mask,
    visibility_mask,
    warp,
)

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def picture(height: int, width: int, seed: int = 0, channels: int = 3) -> torch.Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def smooth_picture(height: int, width: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return torch.stack([(0.11 * x).sin(), (0.07 * y).cos(), (0.05 * (x + y)).sin()])[None] * 0.5 + 0.5


@given(sizes, st.integers(0, 5))
def test_zero_flow_is_the_identity(size, seed):
    image = picture(*size, seed)
    assert (warp(image, torch.zeros(1, 2, *size)) - image).abs().max() <= 1e-6


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_integer_shift_equals_slicing(dx, dy):
    height, width = 23, 31
    image = picture(height, width)
    flow = torch.tensor([dx, dy]).float().view(1, 2, 1, 1).expand(1, 2, height, width)
    shifted = warp(image, flow)
    rows = slice(max(0, -dy), min(height, height - dy))
    columns = slice(max(0, -dx), min(width, width - dx))
    source = image[..., rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx]
    assert torch.equal(shifted[..., rows, columns], source)


@given(st.integers(0, 1000), st.integers(2, 60), st.integers(2, 60))
def test_agrees_with_opencv_remap(seed, height, width):
    image = picture(height, width, seed)
    flow = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(seed)) * 4
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    # remap interpolates with 5 fractional bits, so coordinates are rounded to those before both.
    map_x, map_y = (np.round((axis + flow[0, i].numpy()) * 32) / 32 for i, axis in enumerate((x, y)))
    expected = cv2.remap(
        np.ascontiguousarray(image[0].permute(1, 2, 0).numpy()),
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rounded = torch.from_numpy(np.stack([map_x - x, map_y - y]))[None].float()
    ours = warp(image, rounded)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, expected, atol=2e-4)


def affine_flow(matrix: np.ndarray, height: int, width: int) -> torch.Tensor:
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    moved = np.einsum("ij,jhw->ihw", matrix, np.stack([x, y, np.ones_like(x)]))
    return torch.from_numpy(moved - np.stack([x, y]))[None].float()


def test_known_affine_motion_warps_back():
    height, width = 90, 120
    there = np.array([[0.99, -0.03, 3.0], [0.03, 0.99, -2.0], [0, 0, 1]])
    previous = smooth_picture(height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    px, py, _ = np.einsum("ij,jhw->ihw", there, np.stack([x, y, np.ones_like(x)]))
    # The current frame is drawn from the formula, not by warping.
    current = np.stack([np.sin(0.11 * px), np.cos(0.07 * py), np.sin(0.05 * (px + py))]) * 0.5 + 0.5
    flow = affine_flow(there[:2], height, width)
    seen = inside_frame(flow)
    gap = (warp(previous, flow)[0].numpy() - current) * seen[0].numpy()
    assert np.abs(gap).max() < 4e-3
    assert seen.mean() > 0.8


def test_warp_passes_gradients_to_the_image():
    image = picture(9, 11).double().requires_grad_()
    flow = torch.randn(1, 2, 9, 11, generator=torch.Generator().manual_seed(1)).double()
    assert torch.autograd.gradcheck(lambda x: warp(x, flow), (image,))


def test_warp_survives_unknown_flow():
    flow = torch.full((1, 2, 8, 8), float("nan"))
    flow[:, :, 4:] = 1e10
    assert torch.isfinite(warp(picture(8, 8), flow)).all()


def test_warp_refuses_flow_of_another_size():
    with pytest.raises(ValueError, match="does not fit"):
        warp(picture(8, 8), torch.zeros(1, 2, 8, 9))


def test_resized_flow_points_to_the_same_place():
    height, width = 64, 96
    flow = affine_flow(np.array([[1.05, 0.0, -2.0], [0.0, 0.95, 3.0]]), height, width)
    small = resize_flow(flow, (height // 4, width // 2))
    # A smooth flow means the same motion as a share of the frame at any size.
    assert torch.allclose(small[:, 0].mean() / (width // 2), flow[:, 0].mean() / width, atol=1e-4)
    assert torch.allclose(small[:, 1].mean() / (height // 4), flow[:, 1].mean() / height, atol=1e-4)
    constant = torch.tensor([6.0, -4.0]).view(1, 2, 1, 1).expand(1, 2, height, width)
    expected = torch.tensor([3.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, height // 4, width // 2)
    assert torch.allclose(resize_flow(constant, (height // 4, width // 2)), expected, atol=1e-5)


def test_resized_mask_keeps_only_wholly_visible_pixels():
    mask = torch.ones(1, 1, 16, 16)
    mask[..., 5, 5] = 0
    small = resize_mask(mask, (4, 4))
    assert small[0, 0, 1, 1] == 0
    assert small[0, 0, 3, 3] == 1


def moving_square(shift: int) -> tuple[torch.Tensor, torch.Tensor, slice, slice, slice]:
    """A 20×20 square moves right by `shift` in front of a still background: backward and forward flow."""
    backward, forward = torch.zeros(2, 1, 2, 60, 80)
    rows, before, now = slice(20, 40), slice(20, 40), slice(20 + shift, 40 + shift)
    backward[:, 0, rows, now] = -shift
    forward[:, 0, rows, before] = shift
    return backward, forward, rows, before, now


@pytest.mark.parametrize("shift", [6, 15, 25])
def test_mask_is_zero_where_a_square_uncovered_the_background(shift):
    backward, forward, rows, before, now = moving_square(shift)
    mask = visibility_mask(backward, forward)[0, 0]
    uncovered = torch.zeros(60, 80, dtype=torch.bool)
    uncovered[rows, before] = True
    uncovered[rows, now] = False
    assert mask[uncovered].sum() == 0
    assert mask[25:35, now.start + 3 : now.stop - 3].all(), "the square itself can be traced"
    assert mask[:15].all(), "the background far away can be traced"


def test_mask_is_zero_where_a_square_moved_in_from_outside():
    backward, forward = torch.zeros(2, 1, 2, 40, 40)
    backward[:, 0, 10:30, 0:15] = -20.0
    mask = visibility_mask(backward, forward)[0, 0]
    assert mask[10:30, 0:15].sum() == 0


def test_motion_boundary_lies_on_the_edge():
    backward, _, _, _, now = moving_square(10)
    edge = motion_boundaries(backward)[0, 0]
    assert edge[30, now.start - 1] == 1
    assert edge[30, now.start + 5] == 0
    assert edge[5].sum() == 0


def test_luminance_is_bt709():
    image = torch.tensor([1.0, 0.5, 0.25]).view(1, 3, 1, 1)
    assert luminance(image).item() == pytest.approx(0.2126 + 0.7152 * 0.5 + 0.0722 * 0.25)
