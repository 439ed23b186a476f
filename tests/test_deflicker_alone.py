"""One clip without its original: flicker of light, color and texture goes, and all that was filmed stays."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from test_deflicker import moving

import reconet_cli as reconet
from reconet_cli.cli import run
from reconet_cli.stylizing.deflicker.alone.correcting import corrected
from reconet_cli.stylizing.deflicker.alone.grid import Grid
from reconet_cli.stylizing.deflicker.alone.measuring import Meter
from reconet_cli.stylizing.deflicker.alone.planning import planned
from reconet_cli.stylizing.deflicker.alone.smoothing import corrections, smoother
from reconet_cli.stylizing.deflicker.alone.stage import PlannedStage
from reconet_cli.stylizing.stage import through
from reconet_cli.video.ffmpeg.pixels import Frame

RATE, COUNT = 25, 36
TIME = np.arange(COUNT)


def filmed(seed: int = 1) -> np.ndarray:
    """A texture that moves, darker than white by so much that no flicker clips it: (frames, height, width, 3) uint8."""
    return (np.stack(moving(seed, COUNT, (2, 1))) * 0.6 + 30).astype(np.uint8)


def lit(clip: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The clip with each frame, or each of its rows or colors, times a gain."""
    return np.clip(np.rint(clip * gains.reshape(COUNT, *gains.shape[1:], *[1] * (4 - gains.ndim))), 0, 255).astype(
        np.uint8
    )


def steadied(clip: np.ndarray, strength: float = 1.0) -> np.ndarray:
    grid = Grid.of(clip.shape[2], clip.shape[1])
    meter = Meter(grid)
    frames = [Frame(pixels, Fraction(t, RATE), Fraction(1, RATE)) for t, pixels in enumerate(clip)]
    scale = 1 if clip.dtype == np.uint8 else 1 / 257
    small = [cv2.convertScaleAbs(cv2.resize(pixels, grid.size), alpha=scale) for pixels in clip]
    changes = ((frame.time, meter(pixels)) for frame, pixels in zip(frames, small, strict=True))
    stages = [PlannedStage(planned(changes, RATE, grid), strength)]
    return np.stack([through(stages, frame, frame).pixels for frame in frames])


def error(clip: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square difference in levels of 255."""
    scale = np.iinfo(clip.dtype).max / 255
    return float(np.sqrt(np.mean((clip.astype(np.float32) / scale - truth.astype(np.float32)) ** 2)))


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(COUNT, *shape))
    return values - values.mean(0)


BANDS = np.sin(2 * np.pi * (2 * np.arange(120)[None] / 120 + 0.337 * TIME[:, None]))


@pytest.mark.parametrize(
    "gains",
    [
        np.exp(0.15 * np.sin(2 * np.pi * 3 * TIME / RATE)),
        np.exp(0.1 * drawn()),
        np.exp(0.08 * drawn(1, 1, 3)),
        np.exp(0.15 * BANDS),
    ],
    ids=["exposure", "time lapse", "colors", "bands"],
)
def test_flicker_of_light_and_color_goes(gains):
    truth = filmed()
    flickering = lit(truth, gains)
    assert error(steadied(flickering), truth) < 0.4 * error(flickering, truth)


def test_bands_on_a_road_without_much_texture_are_not_taken_for_its_motion():
    """Fine gravel under a white line, seen from a car; bands of light are stronger than anything else there."""
    gravel = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(120 + 2 * COUNT, 160)), (0, 0), 1)
    road = 110 + 1.5 * gravel / gravel.std()
    road[:, 70:90] += 70
    truth = np.stack([np.repeat(road[2 * (COUNT - t) :][:120, :, None], 3, 2) for t in TIME])
    truth = np.clip(np.rint(truth + drawn(120, 160, 1)), 0, 255).astype(np.uint8)
    flickering = lit(truth, np.exp(0.15 * BANDS))
    assert error(steadied(flickering), truth) < 0.4 * error(flickering, truth)


def test_places_and_texture_that_change_from_frame_to_frame_are_calmed():
    truth = filmed()
    places = np.stack([cv2.resize(field, (160, 120), interpolation=cv2.INTER_CUBIC) for field in drawn(4, 5, 3)])
    grain = np.stack([cv2.GaussianBlur(noise, (0, 0), 1) for noise in drawn(120, 160, 3, seed=1)])
    flickering = truth * np.exp(0.07 * places) + 5 * grain / grain.std()
    flickering = np.clip(np.rint(flickering), 0, 255).astype(np.uint8)
    assert error(steadied(flickering), truth) < 0.5 * error(flickering, truth)


def test_a_clean_clip_stays_as_it_is():
    truth = filmed()
    assert error(steadied(truth), truth) < 0.5


def test_what_happens_stays():
    """Fades to black and from it, a flash, a light that is switched on, and a cut."""
    truth = filmed()
    flash = np.where(TIME == 15, 1.5, 1)
    for gains in (np.clip(1 - (TIME - 10) / 20, 0, 1), np.clip(TIME / 25, 0, 1), flash, np.where(TIME < 15, 0.6, 1)):
        shown = lit(truth, gains)
        assert error(steadied(shown), shown) < 0.5
    cut = np.concatenate([truth[:15], 220 - filmed(5)[15:]])
    result = steadied(cut)
    assert error(result, cut) < 0.5
    flickering = lit(cut, np.exp(0.1 * drawn()))
    assert error(steadied(flickering), cut) < 0.6 * error(flickering, cut)


def test_a_flash_in_a_flickering_clip_stays():
    truth = lit(filmed(), np.where(TIME == 15, 1.5, 1))
    flickering = lit(truth, np.exp(0.03 * drawn()))
    assert error(steadied(flickering)[14:17], truth[14:17]) < error(flickering[14:17], truth[14:17]) + 1


def test_strength_and_16_bits():
    truth = filmed()
    flickering = lit(truth, np.exp(0.1 * drawn()))
    assert np.array_equal(steadied(flickering, 0.0), flickering)
    full = steadied(flickering)
    assert error(full, truth) < error(steadied(flickering, 0.5), truth) < error(flickering, truth)
    deep = steadied(flickering.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert error(deep, full) < 1


def test_a_change_of_light_is_measured_where_it_is():
    truth = filmed()
    grid = Grid.of(160, 120)
    meter = Meter(grid)
    meter(cv2.resize(truth[0], grid.size))
    light = np.ones((120, 160, 1))
    light[:, 80:] = 1.2
    change = meter(cv2.resize((truth[1] * light).astype(np.uint8), grid.size))
    assert change is not None
    assert not change.cut
    found = grid.composed(change.values).mean(2)
    # of value + 8, of about 106
    assert found[4:-4, 4:25].mean() == pytest.approx(0, abs=0.01)
    assert found[4:-4, -25:-4].mean() == pytest.approx(np.log((1.2 * 106 + 8) / 114), abs=0.02)


def test_smoothing_is_that_of_whole_courses_in_pieces(monkeypatch):
    grid = Grid.of(32, 32)
    changes = np.random.default_rng(0).normal(0, 0.01, (300, grid.count, 3)).astype(np.float32)
    whole = corrections(changes, RATE, grid).astype(np.float32)
    monkeypatch.setattr("reconet_cli.stylizing.deflicker.alone.smoothing._PIECE", 100)
    assert np.abs(corrections(changes, RATE, grid) - whole).max() < 0.05 * np.abs(whole).max()


def test_the_smoother_keeps_what_is_constant_and_straight_lines_between_the_ends():
    weights = smoother(100, 6)
    assert np.allclose(weights.sum(1), 1, atol=1e-5)
    line = np.arange(100)
    assert np.allclose((weights @ line)[24:-24], line[24:-24], atol=1e-2)


def test_a_correction_is_a_gain():
    frame = np.full((20, 30, 3), 92, np.uint8)
    result = corrected(frame, np.full((2, 3, 3), np.log(1.1)))
    assert np.array_equal(result, np.full_like(frame, 102))  # (92 + 8) · 1.1 - 8


def test_the_command(tools, tmp_path, capfd):
    flickering = tools.clip(seconds=0.6, filters="format=yuv444p,hue=s=0.4:b='mod(n,2)',gblur=sigma=2")
    target = tmp_path / "out.mp4"
    assert run(["deflicker", str(flickering), str(target)]) == 0
    assert tools.packets(target) == tools.packets(flickering)
    before, after = (tools.pixels(path).mean((1, 2, 3)) for path in (flickering, target))
    assert len(after) == len(before) == 15
    assert np.abs(np.diff(after)).mean() < 0.3 * np.abs(np.diff(before)).mean()
    capfd.readouterr()
    for names, message in (
        (["one.mp4"], "1 name"),
        (["a", "b", "c", "d"], "4 names"),
        (["missing.mp4", "out.mp4"], "does not exist"),
    ):
        assert run(["deflicker", *names]) == 2
        assert message in capfd.readouterr().err
    assert run(["deflicker", "-", str(tmp_path / "no.mp4")]) == 1
    assert "only once" in capfd.readouterr().err


def test_progress_of_both_readings(clip, tmp_path):
    told = []
    reconet.deflicker(clip, tmp_path / "out.mp4", progress=lambda *numbers: told.append(numbers))
    assert told == 2 * [(number, 25) for number in range(26)]
