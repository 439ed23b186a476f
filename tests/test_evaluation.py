"""Flicker and its companions: known answers, and numbers against numpy written from the formulas."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.errors import EvaluationError
from reconet_cli.evaluation.clip import SPANS
from reconet_cli.evaluation.measures.likeness import structure, structure_map, tone
from reconet_cli.evaluation.measures.perception import Comparator, perceptual_distance
from reconet_cli.evaluation.measures.sharpness import sharpness
from reconet_cli.evaluation.measures.temporal import Trace, mean_error, pair_error
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import VGG16
from reconet_cli.model.squeezenet import SqueezeNet
from tests.evaluating import evaluate

HEIGHT, WIDTH, FRAMES = 48, 64, 12


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colored spots: what optical flow can follow."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width, 3)).astype(np.float32)
    spots = cv2.GaussianBlur(noise, (0, 0), 2.5)
    spots = (spots - spots.min()) / (spots.max() - spots.min())
    return (40 + spots * 170).astype(np.uint8)


def shifting(step: int = 2) -> list[np.ndarray]:
    """A texture that moves to the left by whole pixels a frame."""
    whole = texture(HEIGHT, WIDTH + step * FRAMES)
    return [whole[:, step * t : step * t + WIDTH].copy() for t in range(FRAMES)]


def noisy(clip: list[np.ndarray], sigma: float, seed: int = 1) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [np.clip(np.rint(f + generator.normal(0, sigma, f.shape)), 0, 255).astype(np.uint8) for f in clip]


def exact_tracer(step: int = 2):
    """The true way back in `shifting`: neighbors, and more, told by the frames' own index."""
    index = {frame.tobytes(): t for t, frame in enumerate(shifting(step))}

    def trace(current: np.ndarray, earlier: np.ndarray) -> Trace:
        shift = step * (index[current.tobytes()] - index[earlier.tobytes()])
        flow = torch.zeros(1, 2, HEIGHT, WIDTH)
        flow[:, 0] = shift
        mask = (torch.arange(WIDTH) + shift < WIDTH).float().expand(1, 1, HEIGHT, WIDTH)
        return Trace(flow, mask)

    return trace


def test_a_shifting_texture_has_no_error():
    clip = shifting()
    found = evaluate(clip, {"same": clip}, tracer=exact_tracer())
    for span in SPANS:
        assert found.painted[0].error(span) == 0
        assert found.traced(span) == pytest.approx(1 - 2 * span / WIDTH)
        assert len(found.coverage[span]) == FRAMES - span


def test_noise_of_each_frame_is_found_over_every_span():
    sigma = 5.0
    clip = shifting()
    found = evaluate(clip, {"noisy": noisy(clip, sigma)}, tracer=exact_tracer())
    for span in SPANS:
        # Noise of two frames adds up, rounding adds a twelfth, and only traced pixels count.
        expected = math.sqrt(2 * (sigma**2 + 1 / 12) * (1 - 2 * span / WIDTH)) / 255
        assert found.painted[0].error(span) == pytest.approx(expected, rel=0.02)


def test_estimated_flow_finds_the_noise_too():
    clip = shifting()
    found = evaluate(clip, {"noisy": noisy(clip, 8)})
    assert found.source.error() < 0.01
    expected = math.sqrt(2 * 64 * found.traced()) / 255
    assert found.painted[0].error() == pytest.approx(expected, rel=0.1)


def test_pair_error_is_the_papers_formula():
    generator = np.random.default_rng(3)
    now, before = (generator.integers(0, 256, (9, 11, 3), dtype=np.uint8) for _ in range(2))
    flow = generator.uniform(-2, 2, (2, 9, 11)).astype(np.float32)
    mask = generator.integers(0, 2, (9, 11)).astype(np.float32)
    total = 0.0
    for y in range(9):
        for x in range(11):
            u = min(max(x + flow[0, y, x], 0), 10)
            v = min(max(y + flow[1, y, x], 0), 8)
            left, top = min(int(u), 9), min(int(v), 7)
            a, b = u - left, v - top
            corner = before[top : top + 2, left : left + 2].astype(float)
            rows = corner[0] * (1 - b) + corner[1] * b
            carried = rows[0] * (1 - a) + rows[1] * a
            total += mask[y, x] * float(((now[y, x] - carried) ** 2).sum()) / 255**2
    found = pair_error(now, before, Trace(torch.from_numpy(flow)[None], torch.from_numpy(mask)[None, None]))
    assert found == pytest.approx(math.sqrt(total / (9 * 11 * 3)), rel=1e-5)


def test_errors_of_pairs_add_up_as_squares():
    assert mean_error([0.3, 0.4]) == pytest.approx(math.sqrt(0.125))
    assert math.isnan(mean_error([]))


def test_sharpness_is_the_mean_absolute_laplacian_of_luma():
    frame = texture(20, 30, seed=5)
    luma = frame @ np.array([0.2126, 0.7152, 0.0722])
    around = np.pad(luma, 1, mode="reflect")
    laplacian = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * luma
    assert sharpness(frame) == pytest.approx(np.abs(laplacian).mean(), rel=1e-4)


def test_structure_is_the_third_term_of_ssim():
    a, b = texture(40, 60, seed=6), texture(40, 60, seed=7)
    x, y = (frame @ np.array([0.2126, 0.7152, 0.0722]) / 255 for frame in (a, b))
    # One window, far from the border: weights of a Gaussian of 3 px around (20, 30), written from the definition.
    rows, columns = np.mgrid[:40, :60]
    weights = np.exp(-((rows - 20) ** 2 + (columns - 30) ** 2) / 18)
    weights /= weights.sum()
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    spread_x, spread_y = (np.sqrt((weights * (v - m) ** 2).sum()) for v, m in ((x, mean_x), (y, mean_y)))
    together = (weights * (x - mean_x) * (y - mean_y)).sum()
    expected = (together + 0.00045) / (spread_x * spread_y + 0.00045)
    assert structure_map(a, b)[20, 30] == pytest.approx(expected, abs=0.02)
    assert structure(a, a) == pytest.approx(1)
    assert structure(255 - a, a) < -0.5


def test_tone_is_the_correlation_of_light_and_shade():
    a, b = texture(44, 80, seed=8), texture(44, 80, seed=9)
    x, y = ((frame @ np.array([0.2126, 0.7152, 0.0722])).reshape(22, 2, 40, 2).mean((1, 3)).ravel() for frame in (a, b))
    assert tone(a, b) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-4)
    assert tone(a // 2 + 40, a) == pytest.approx(1, abs=1e-3), "contrast and brightness are free"


def test_blur_lowers_error_and_sharpness_alike():
    clip = noisy(shifting(), 8)
    blurred = [cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in clip]
    found = evaluate(shifting(), {"noisy": clip, "blurred": blurred}, tracer=exact_tracer())
    plain, soft = found.painted
    assert soft.error() < 0.4 * plain.error()
    assert soft.sharpness < 0.4 * plain.sharpness


def test_a_loss_network_tells_style_content_and_change_apart():
    comparator = Comparator(load_loss_network("compact"))
    clip = shifting()
    picture = torch.from_numpy(clip[0]).permute(2, 0, 1)[None].float() / 255
    found = evaluate(
        clip,
        {"same": clip, "other": [frame[::-1, :, ::-1].copy() for frame in clip], "noisy": noisy(clip, 6)},
        tracer=exact_tracer(),
        comparator=comparator,
        grams=[comparator.grams(picture)] * 3,
    )
    same, other, rough = found.painted
    assert same.content == 0
    assert 0 < rough.content < other.content
    assert same.style < 0.2 < other.style
    assert found.source.change == pytest.approx(same.change)
    assert same.change < 0.3 * rough.change
    assert [frame.style is not None for frame in same.frames] == [t % 4 == 1 for t in range(FRAMES)]


def test_change_counts_where_a_pixel_can_be_traced_alone():
    comparator = Comparator(load_loss_network("compact"))
    now, before = texture(40, 40, seed=1), texture(40, 40, seed=2)
    still, nowhere = torch.zeros(1, 2, 40, 40), torch.zeros(1, 1, 40, 40)
    half = nowhere.clone()
    half[..., :20] = 1
    none, some, whole = (
        comparator.change(now, comparator.view(now), before, Trace(still, m)).perceptual
        for m in (nowhere, half, nowhere + 1)
    )
    assert none == 0
    assert 0.25 * whole < some < 0.75 * whole
    same = comparator.change(now, comparator.view(now), now, Trace(still, nowhere + 1))
    assert same.perceptual == pytest.approx(0, abs=1e-9)
    assert same.lpips is None


def test_perceptual_distance_is_that_of_unit_vectors():
    generator = torch.Generator().manual_seed(0)
    a, b = ([torch.rand(1, c, 3, 4, generator=generator) for c in (5, 7)] for _ in range(2))
    expected = 0.0
    for x, y in zip(a, b, strict=True):
        p, q = x[0].numpy(), y[0].numpy()
        expected += ((p / np.sqrt((p**2).sum(0)) - q / np.sqrt((q**2).sum(0))) ** 2).sum(0).mean() / 2
    assert perceptual_distance(a, b) == pytest.approx(expected, rel=1e-5)
    assert perceptual_distance(a, a) == 0


@pytest.mark.parametrize("network", [VGG16(), SqueezeNet()], ids=lambda n: n.name)
def test_every_loss_network_can_compare(network):
    clip = [frame[:40, :40] for frame in shifting()[:3]]
    comparator = Comparator(network.freeze())
    found = evaluate(
        clip, {"rough": noisy(clip, 20)}, comparator=comparator, grams=[comparator.grams(torch.rand(1, 3, 40, 40))]
    )
    scores = found.painted[0]
    assert all(value > 0 for value in (scores.style, scores.content, scores.change))


def test_clips_of_different_length_are_refused():
    clip = shifting()
    with pytest.raises(EvaluationError, match=r"original has 12, short has 10.*--frames 10"):
        evaluate(iter(clip), {"short": iter(clip[:10])}, tracer=exact_tracer())
    with pytest.raises(EvaluationError, match="original has 9, same has 12"):
        evaluate(clip[:9], {"same": clip}, tracer=exact_tracer())


def test_a_single_frame_is_refused():
    with pytest.raises(EvaluationError, match="single frame"):
        evaluate(shifting()[:1], {"same": shifting()[:1]}, tracer=exact_tracer())
    with pytest.raises(EvaluationError, match="no frames"):
        evaluate([], {"none": []})


def test_sizes_that_differ_are_refused():
    clip = shifting()
    with pytest.raises(EvaluationError, match="small is 60x48, the original 64x48"):
        evaluate(clip, {"small": [frame[:, :60] for frame in clip]}, tracer=exact_tracer())


def test_only_ten_frames_are_kept():
    import weakref

    class Frame(np.ndarray):
        """An array that can be watched."""

    watched = []

    def clip():
        for t in range(40):
            frame = np.full((8, 8, 3), t, np.uint8).view(Frame)
            watched.append(weakref.ref(frame))
            assert sum(reference() is not None for reference in watched) <= 13
            yield frame

    still = Trace(torch.zeros(1, 2, 8, 8), torch.ones(1, 1, 8, 8))
    found = evaluate(clip(), {}, tracer=lambda current, earlier: still)
    assert found.source.error(10) == pytest.approx(10 / 255)
