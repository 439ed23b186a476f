"""The losses against numpy, written from the formulas."""

import numpy as np
import pytest
import torch

from reconet_cli.model.losses import (
    color_loss,
    content_loss,
    feature_temporal_loss,
    gram_matrix,
    output_temporal_loss,
    sorted_colors,
    style_loss,
    tone_loss,
    total_variation,
)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gram_matrix():
    x = draw(2, 3, 4, 5)
    flat = x.numpy().reshape(2, 3, 20)
    np.testing.assert_allclose(gram_matrix(x).numpy(), np.einsum("nip,njp->nij", flat, flat) / 60)


def test_content_loss():
    a, b = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    fine = ((a - b).numpy() ** 2).mean() / 0.4
    assert content_loss([a], [b], [0.4]).item() == pytest.approx(fine)
    assert content_loss([a, a], [b, b], [0.4, 0.4]).item() == pytest.approx(1.5 * fine), "the coarser one counts half"


def test_gram_matrix_does_not_overflow_in_half_precision():
    x = torch.full((1, 2, 256, 256), 20.0)
    with torch.autocast("cpu", torch.float16):
        gram = gram_matrix(x.half())
    assert gram.dtype == torch.float32
    np.testing.assert_allclose(gram.numpy(), np.full((1, 2, 2), 200.0))


def test_tone_is_one_minus_the_correlation_of_averaged_luma():
    a, b = draw(2, 3, 32, 40), draw(2, 3, 32, 40, seed=1)
    luma = [np.einsum("c,nchw->nhw", [0.2126, 0.7152, 0.0722], x.numpy()) for x in (a, b)]
    means = [x.reshape(2, 4, 8, 5, 8).mean((2, 4)).reshape(2, -1) for x in luma]
    expected = np.mean([1 - np.corrcoef(mine, wanted)[0, 1] for mine, wanted in zip(*means, strict=True)])
    assert tone_loss(a * 30, b * 30).item() == pytest.approx(expected, abs=2e-3)
    assert tone_loss(a * 30, 0.3 + 15 * a).item() == pytest.approx(0, abs=2e-3), "contrast and brightness are free"


def test_color_is_free_of_places_and_grows_with_a_shift():
    picture = draw(1, 3, 64, 64).float()
    colors = sorted_colors(picture)
    shuffled = picture.flatten(2)[..., torch.randperm(64 * 64, generator=torch.Generator().manual_seed(0))].view(
        1, 3, 64, 64
    )
    assert color_loss(shuffled, colors).item() < 0.15, "another sample of the same colors"
    contrast = (colors - colors.mean(1, keepdim=True)).pow(2).mean().sqrt().item()
    # Along a direction d a shift of every channel by s moves colors by s·(d₁ + d₂ + d₃).
    height = (np.arange(32) + 0.5) / 32
    angle = np.arange(32) * np.pi * (3 - np.sqrt(5))
    sums = np.sqrt(1 - height**2) * (np.cos(angle) + np.sin(angle)) + height
    expected = 0.5 * np.sqrt((sums**2).mean()) / contrast
    assert color_loss(picture + 0.5, colors).item() == pytest.approx(expected, rel=0.1)


def test_style_loss_is_zero_for_the_style_and_one_for_nothing():
    grams = [gram_matrix(draw(1, c, 6, 6, seed=c)) for c in (3, 5)]
    assert style_loss(grams, grams).item() == pytest.approx(0, abs=2e-4)
    assert style_loss([0 * g for g in grams], grams).item() == pytest.approx(1)


def test_style_loss_is_the_mean_relative_distance():
    mine, target = (gram_matrix(draw(1, 4, 6, 6, seed=seed)) for seed in (2, 3))
    expected = np.linalg.norm((mine - target).numpy()) / np.linalg.norm(target.numpy())
    assert style_loss([mine, target], [target, target]).item() == pytest.approx(expected / 2, abs=2e-4)


def test_style_loss_does_not_depend_on_the_scale_of_the_features():
    mine, target = gram_matrix(draw(2, 4, 6, 6)), gram_matrix(draw(1, 4, 6, 6, seed=1))
    assert style_loss([mine], [target]).item() == pytest.approx(style_loss([mine * 7], [target * 7]).item())


def test_total_variation():
    x = draw(1, 3, 4, 5).numpy()
    expected = (np.diff(x, axis=3) ** 2).mean() + (np.diff(x, axis=2) ** 2).mean()
    assert total_variation(torch.from_numpy(x)).item() == pytest.approx(expected)


def shift_right(frame: torch.Tensor, pixels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The frame moved right, the flow current→previous and its mask."""
    moved = torch.roll(frame, pixels, dims=3)
    flow = torch.zeros(frame.shape[0], 2, *frame.shape[-2:], dtype=frame.dtype)
    flow[:, 0] = -pixels
    mask = torch.ones(frame.shape[0], 1, *frame.shape[-2:], dtype=frame.dtype)
    mask[..., :pixels] = 0
    return moved, flow, mask


def test_output_temporal_loss_is_zero_for_output_that_moves_along():
    before, painted = draw(1, 3, 8, 12), draw(1, 3, 8, 12, seed=1)
    now, flow, mask = shift_right(before, 4)
    painted_now, _, _ = shift_right(painted, 4)
    assert output_temporal_loss((painted, painted_now), (before, now), flow, mask).item() < 1e-12
    assert output_temporal_loss((painted, painted), (before, now), flow, mask).item() > 0.01


def test_output_temporal_loss_follows_the_formula():
    o0, o1, i0, i1 = (draw(1, 3, 6, 7, seed=s).numpy() for s in range(4))
    mask = (draw(1, 1, 6, 7, seed=9) > 0.3).double()
    y = np.tensordot([0.2126, 0.7152, 0.0722], (i1 - i0)[0], 1)
    expected = (mask.numpy()[0, 0] * ((o1 - o0)[0] - y) ** 2).sum() / 42
    flow = torch.zeros(1, 2, 6, 7, dtype=torch.float64)
    tensors = [torch.from_numpy(x) for x in (o0, o1, i0, i1)]
    loss = output_temporal_loss((tensors[0], tensors[1]), (tensors[2], tensors[3]), flow, mask)
    assert loss.item() == pytest.approx(expected)


def test_light_that_changes_for_input_and_output_alike_is_free():
    before, painted = draw(1, 3, 6, 6), draw(1, 3, 6, 6, seed=1)
    flow, mask = torch.zeros(1, 2, 6, 6, dtype=torch.float64), torch.ones(1, 1, 6, 6, dtype=torch.float64)
    loss = output_temporal_loss((painted, painted + 0.1), (before, before + 0.1), flow, mask)
    assert loss.item() < 1e-12


def test_feature_temporal_loss_resizes_flow_and_mask():
    features = draw(1, 4, 8, 12)
    moved = torch.roll(features, 1, dims=3)
    # One feature pixel is four frame pixels.
    flow = torch.zeros(1, 2, 32, 48, dtype=torch.float64)
    flow[:, 0] = -4
    mask = torch.ones(1, 1, 32, 48, dtype=torch.float64)
    mask[..., :4] = 0
    assert feature_temporal_loss(moved, features, flow, mask, 4).item() < 1e-12
    assert feature_temporal_loss(features, features, flow, mask, 4).item() > 0.05


def test_feature_temporal_loss_cannot_be_won_by_smaller_features():
    a, b = draw(1, 4, 8, 8), draw(1, 4, 8, 8, seed=1)
    flow, mask = torch.zeros(1, 2, 8, 8, dtype=torch.float64), torch.ones(1, 1, 8, 8, dtype=torch.float64)
    big, small = (feature_temporal_loss(a * s, b * s, flow, mask, 1).item() for s in (1.0, 1e-3))
    assert big == pytest.approx(small, rel=1e-3)


def test_features_of_a_padded_frame_move_by_the_flow_of_the_frame():
    features = draw(1, 4, 4, 13)
    moved = torch.roll(features, 1, dims=3)
    # 13 features of 8 pixels belong to a frame of 100 pixels that was padded to 104.
    flow = torch.zeros(1, 2, 32, 100, dtype=torch.float64)
    flow[:, 0] = -8
    mask = torch.ones(1, 1, 32, 100, dtype=torch.float64)
    mask[..., :8] = 0
    assert feature_temporal_loss(moved, features, flow, mask, 8).item() < 1e-12
