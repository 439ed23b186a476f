"""Procedural scenes: exact motion, honest visibility, pictures worth learning from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reconet_cli.training.synthetic import scenes
from reconet_cli.training.synthetic.scenes import Layer, Scenes, render
from reconet_cli.training.synthetic.textures import canvas, fractal_noise, shape
from reconet_cli.warping import warp


@pytest.fixture
def plain_light(monkeypatch):
    """No change of light and no camera noise, so that frames can be compared."""
    for name in ("change_light", "camera_noise"):
        monkeypatch.setattr(scenes, name, lambda previous, current, generator: (previous, current))


@pytest.mark.usefixtures("plain_light")
def test_what_is_visible_moves_as_the_flow_says():
    source, generator = Scenes(), torch.Generator().manual_seed(5)
    inside, outside, covered = [], [], []
    for _ in range(8):
        pair = source.sample(128, generator)
        gap = (warp(pair.previous, pair.flow) - pair.current).abs()
        inside.append(((gap * pair.mask).sum() / pair.mask.sum() / 3).item())
        hidden = 1 - pair.mask
        outside.append(((gap * hidden).sum() / hidden.sum().clamp_min(1) / 3).item())
        covered.append(pair.mask.mean().item())
    assert np.mean(inside) < 0.015
    assert np.mean(outside) > 4 * np.mean(inside), "what is masked out does not match"
    assert 0.7 < np.mean(covered) < 0.99


def square(half: float, x: float, flow: tuple[float, float], size: int, level: float) -> Layer:
    """A square thing of one gray level, `half` px to each side of `x` right of the middle, that moves by `flow`."""
    outline = torch.zeros(1, 64, 64)
    outline[:, 8:56, 8:56] = 1
    # The outline fills three quarters of the square [-1, 1]².
    scale = 0.75 / half
    place = torch.tensor([[scale, 0.0, -scale * x], [0.0, scale, 0.0]])
    motion = torch.tensor(flow)[:, None, None].expand(2, size, size)
    return Layer(torch.full((3, 4, 4), level), outline, place, motion)


def background(size: int, level: float) -> Layer:
    place = torch.tensor([[2 / size, 0.0, 0.0], [0.0, 2 / size, 0.0]])
    return Layer(torch.full((3, 4, 4), level), torch.ones(1, 4, 4), place, torch.zeros(2, size, size))


def test_a_square_that_moves_right_uncovers_the_ground_at_its_left():
    # Flow current→previous of (-10, 0): the square was 10 px further left in the previous frame.
    pair = render([background(80, 0.2), square(12, -5.0, (-10.0, 0.0), 80, 0.9)], 80)
    was, now = (frame[0, 0, 40] for frame in (pair.previous, pair.current))
    # The middle of the frame is at 39.5, the square reaches from x - 12 to x + 12.
    assert was[24:46].allclose(torch.tensor(0.9))
    assert now[34:56].allclose(torch.tensor(0.9))
    assert now[:31].allclose(torch.tensor(0.2))
    assert (pair.flow[0, 0, 40, 35:55] == -10).all()
    assert (pair.flow[0, :, 40, :30] == 0).all()
    mask = pair.mask[0, 0, 40]
    assert (mask[24:33] == 0).all(), "uncovered ground cannot be traced"
    assert (mask[37:53] == 1).all(), "the square can"
    assert (mask[60:78] == 1).all(), "and so can ground that nothing covered"
    assert (mask[:20] == 1).all()
    assert (pair.mask[0, 0, 4] == 1).all(), "far above the square nothing changes"


def test_a_thing_behind_another_is_hidden():
    layers = [background(80, 0.2), square(10, 0.0, (0.0, 0.0), 80, 0.5), square(20, 0.0, (0.0, 0.0), 80, 0.9)]
    pair = render(layers, 80)
    assert pair.current[0, :, 30:50, 30:50].allclose(torch.tensor(0.9))


def test_scenes_depend_on_the_generator_alone():
    first, again, other = (Scenes().sample(64, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first.current, again.current)
    assert torch.equal(first.flow, again.flow)
    assert not torch.equal(first.current, other.current)


def test_canvases_are_alike_for_a_seed_and_differ_between_seeds():
    pictures = [canvas(96, seed) for seed in range(8)]
    assert np.array_equal(canvas(96, 3), pictures[3])
    assert len({picture.tobytes() for picture in pictures}) == 8
    assert all(picture.shape == (96, 96, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert np.mean([picture.std() > 3 for picture in pictures]) > 0.8


def test_noise_has_the_spectrum_that_it_promises():
    noise = fractal_noise(256, 1.2, np.random.default_rng(0))
    power = np.abs(np.fft.fft2(noise)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    bands = [(0.02, 0.03), (0.08, 0.12), (0.3, 0.45)]
    means = [power[(frequency > low) & (frequency < high)].mean() for low, high in bands]
    slopes = np.diff(np.log(means)) / np.diff(np.log([np.sqrt(low * high) for low, high in bands]))
    assert slopes == pytest.approx([-2.4, -2.4], abs=0.3)


def test_outlines_end_inside_their_square():
    for seed in range(12):
        outline = shape(64, seed)
        assert outline.max() > 200
        assert outline[0].max() == outline[:, 0].max() == outline[-1].max() == outline[:, -1].max() == 0
