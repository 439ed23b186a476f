"""Effects: the arithmetic against numpy, masks, and every option through the command line."""

import threading
import time
from fractions import Fraction

import numpy as np
import pytest
from conftest import Engine
from processes import PATIENCE

from reconet_cli import cli
from reconet_cli.engines import register_engine, unregister_engine
from reconet_cli.errors import MediaError, StyleError
from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.stylizing.effects.curves import strength_curve, transition_curve
from reconet_cli.stylizing.effects.masks import open_mask
from reconet_cli.stylizing.network import Network
from reconet_cli.stylizing.pipeline import run
from reconet_cli.stylizing.stage import through
from reconet_cli.video.reading.reader import Frame

LUMA = (0.2126, 0.7152, 0.0722)


def picture(seed: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (20, 30, 3)).astype(dtype)


def shown(source: np.ndarray, effects: Effects, *painted: np.ndarray, time: float = 0, mask=None) -> np.ndarray:
    """A frame with effects, where the networks paint `painted` whatever they get."""
    networks = [Engine(lambda pixels, result=result: result) for result in painted]
    frame = Frame(source, Fraction(time), Fraction(1))
    frame = through([Network(networks, effects.style_at), EffectsStage(effects, mask)], frame, frame)
    assert (frame.time, frame.duration) == (time, 1)
    return frame.pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strength_is_a_share(dtype):
    source, painted = picture(1, dtype), picture(2, dtype)
    half = shown(source, Effects(strength=0.3), painted)
    assert half.dtype == dtype
    assert np.abs(half - (0.7 * source + 0.3 * painted)).max() <= 0.51
    assert np.array_equal(shown(source, Effects(strength=0), painted), source)
    assert np.array_equal(shown(source, Effects(), painted), painted)


@pytest.mark.parametrize(("dtype", "low", "high"), [(np.uint8, 90, 160), (np.uint16, 23000, 41000)])
def test_kept_colors_have_the_sources_chroma_and_the_paintings_luma(dtype, low, high):
    # In the middle of the range, so that nothing has to be clipped.
    source = (low + picture(3).astype(int) * (high - low) // 255).astype(dtype)
    painted = (low + picture(4).astype(int) * (high - low) // 255).astype(dtype)
    result = shown(source, Effects(keep_color=True), painted).astype(float)
    assert np.abs(result @ LUMA - painted @ LUMA).max() < 1
    for channel in (0, 2):
        chroma = result[..., channel] - result @ LUMA
        assert np.abs(chroma - (source[..., channel] - source @ LUMA)).max() < 1.5


def test_two_styles_blend_in_their_pictures():
    first, second = picture(5), picture(6)
    result = shown(picture(7), Effects(mix=0.25), first, second)
    assert np.abs(result - (0.75 * first + 0.25 * second)).max() <= 0.51


def test_transition_runs_between_its_times():
    first, second = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 200, np.uint8)
    effects = Effects(transition=transition_curve([(2, 6)]))
    levels = [shown(picture(8)[:4, :6], effects, first, second, time=t)[0, 0, 0] for t in (0, 2, 3, 4, 6, 9)]
    assert levels == [0, 0, 50, 100, 200, 200]


def test_any_number_of_styles_follow_each_other():
    painted = [np.full((4, 6, 3), level, np.uint8) for level in (0, 100, 200)]
    effects = Effects(transition=transition_curve([(0, 2), (4, 8)]))
    levels = [shown(picture(8)[:4, :6], effects, *painted, time=t)[0, 0, 0] for t in (0, 1, 2, 3, 4, 5, 8, 9)]
    assert levels == [0, 50, 100, 100, 100, 125, 200, 200]


def test_strength_over_time():
    source, painted = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 200, np.uint8)
    effects = Effects(strength=strength_curve([(1, 0.2), (5, 1), (5, 0.5)]))
    levels = [shown(source, effects, painted, time=t)[0, 0, 0] for t in (0, 1, 3, 4.5, 5, 7)]
    assert levels == [40, 40, 120, 180, 100, 100]  # two points at one time are a jump


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (strength_curve, []), (strength_curve, [(0, 1.1)]), (strength_curve, [(2, 1), (1, 0)]),
        (transition_curve, []), (transition_curve, [(2, 2)]), (transition_curve, [(0, 3), (2, 4)]),
    ],
)  # fmt: skip
def test_wrong_curves(make, given):
    with pytest.raises(StyleError):
        make(given)


def test_a_style_that_is_not_seen_costs_nothing():
    def untouchable(pixels):
        raise AssertionError("painted in vain")

    effects = Effects(transition=transition_curve([(2, 6)]))
    for moment, engines in ((1, [np.copy, untouchable]), (7, [untouchable, np.copy])):
        network = Network([Engine(paint) for paint in engines], effects.style_at)
        frame = Frame(picture(1), Fraction(moment), Fraction(1))
        through([network], frame, frame)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_comparisons(dtype):
    source, painted = picture(9, dtype), picture(10, dtype)
    side = shown(source, Effects(compare="side"), painted)
    assert side.shape == (20, 60, 3)
    assert np.array_equal(side[:, :30], source)
    assert np.array_equal(side[:, 30:], painted)
    split = shown(source, Effects(compare="split"), painted)
    assert np.array_equal(split[:, :14], source[:, :14])
    assert (split[:, 14:16] == np.iinfo(dtype).max).all()
    assert np.array_equal(split[:, 16:], painted[:, 16:])


def test_transparency_goes_along():
    alpha = picture(11)[..., 0]
    for compare, expected in ((None, alpha), ("split", alpha), ("side", np.concatenate([alpha, alpha], axis=1))):
        stages = [Network([Engine(lambda pixels: 255 - pixels)]), EffectsStage(Effects(compare=compare, strength=0.5))]
        source = Frame(picture(1), Fraction(0), Fraction(1), alpha)
        frame = through(stages, source, source)
        assert np.array_equal(frame.alpha, expected)
        assert frame.pixels.shape[:2] == frame.alpha.shape


def test_effects_come_in_the_stated_order():
    # Blend, colors, strength, comparison: gray over a color keeps the color, at half its change of luma.
    source = np.full((2, 4, 3), (140, 100, 60), np.uint8)
    gray = np.full((2, 4, 3), 100, np.uint8)
    bright = np.full((2, 4, 3), 140, np.uint8)
    looks = Effects(mix=0.5, keep_color=True, strength=0.5, compare="side")
    result = shown(source, looks, gray, bright)
    luma = 140 * LUMA[0] + 100 * LUMA[1] + 60 * LUMA[2]
    assert np.abs(result[0, 4] - (np.array([140, 100, 60]) + 0.5 * (120 - luma))).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_color_key_paints_the_key(dtype):
    scale = np.iinfo(dtype).max // 255
    colors = [(0, 255, 0), (30, 225, 30), (255, 0, 0), (0, 0, 0)]
    source = np.array([colors], np.uint8).astype(dtype) * dtype(scale)
    painted = np.full_like(source, 77 * scale)
    with open_mask("#00ff00:0.2", (4, 1), None, None) as mask:
        result = shown(source, Effects(), painted, mask=mask)
    assert (result[0, :2] == 77 * scale).all()
    assert np.array_equal(result[0, 2:], source[0, 2:])


def test_color_key_has_a_soft_edge():
    # Grays g/255 away from black: painted up to the tolerance, half at half the edge, not at all behind it.
    source = np.repeat(np.array([[0, 51, 64, 77, 128]], np.uint8)[..., None], 3, axis=2)
    with open_mask("#000000:0.2", (5, 1), None, None) as mask:
        share = mask.share(Frame(source, Fraction(0), Fraction(1)), None)
    assert share[0] == pytest.approx([1, 1, 0.49, 0, 0], abs=0.02)


@pytest.mark.parametrize("text", ["#00ff0", "#00ff00:2", "#00ff00:x", "#00ff00:", "#gg0000", "#00ff00:nan"])
def test_wrong_color_keys(text):
    with pytest.raises(MediaError, match="no color key"):
        open_mask(text, (4, 4), None, None)


@pytest.fixture
def mask_clip(tools):
    """Ten frames, five a second; each one's gray says its number."""
    return tools.clip("mask.mkv", size="32x16", rate="5", seconds=2, sound=(), options=("-c:v", "ffv1"),
                      filters="format=gray,geq=lum='20*N'")  # fmt: skip


def test_mask_clip_runs_beside_the_frames(mask_clip):
    # At half the frames' rate, and it ends before they do.
    asked = [0, 1, 2, 3, 4, 5, 17, 18, 30]
    frames = [Frame(picture(1)[:6, :10], Fraction(n, 10), Fraction(1, 10)) for n in asked]
    with open_mask(str(mask_clip), (10, 6), None, None) as mask:
        shares = [mask.share(frame, mask.fetch(frame)) for frame in frames]
    assert all(share.shape == (6, 10) for share in shares)
    levels = [round(float(share.mean()) * 255 / 20, 1) for share in shares]
    assert levels == pytest.approx([0, 0, 1, 1, 2, 2, 8, 9, 9], abs=0.1)
    with open_mask(str(mask_clip), (10, 6), Fraction(1), None) as mask:  # as --start 1
        late = mask.share(frames[0], mask.fetch(frames[0]))
    assert late.mean() * 255 / 20 == pytest.approx(5, abs=0.1)


def test_a_frame_that_is_painted_late_still_gets_its_own_mask(mask_clip):
    """The first of twelve frames on as many threads is painted after all others."""
    others, levels = threading.Barrier(12), []

    def paint(pixels):
        others.wait(PATIENCE)
        time.sleep(0.2 if pixels[0, 0, 0] == 0 else 0)
        return np.full_like(pixels, 255)

    engine = Engine(paint)
    engine.concurrency = 12

    class Source:
        def __iter__(self):
            for number in range(12):
                yield Frame(np.full((6, 10, 3), number, np.uint8), Fraction(number, 5), Fraction(1, 5))

        def finish(self):
            pass

        release = abort = finish

    class Sink(Source):
        def write(self, frame):
            levels.append(int(frame.pixels[0, 0, 0]))

    with open_mask(str(mask_clip), (10, 6), None, None) as mask:
        run(Source(), [Network([engine]), EffectsStage(Effects(), mask)], Sink())
    expected = [number + (255 - number) * min(20 * number, 180) / 255 for number in range(12)]
    assert levels == pytest.approx(expected, abs=2)


@pytest.fixture
def styles(tmp_path, monkeypatch):
    """Three styles in place of networks, in the current folder: `negative.paint`, `black.paint` and `white.paint`."""
    paints = {"negative": lambda x: 255 - x, "black": np.zeros_like, "white": lambda x: np.full_like(x, 255)}

    def load(path, size, sixteen_bit, options):
        engine = Engine(paints[path.stem])
        engine.concurrency = 2
        return engine

    register_engine(".paint", load)
    for name in paints:
        (tmp_path / f"{name}.paint").touch()
    monkeypatch.chdir(tmp_path)
    yield
    unregister_engine(".paint")


def stylize(*arguments: object) -> int:
    return cli.run(["stylize", *map(str, arguments)])


LOSSLESS = ("--codec", "ffv1")


@pytest.fixture
def rgb_clip(tools):
    """Eight frames whose colors survive every conversion: stored as RGB."""
    return tools.clip("rgb.mkv", size="32x24", rate="8", sound=(), filters="format=gbrp", options=("-c:v", "ffv1"))


def test_effects_through_the_command_line(tools, styles, rgb_clip, tmp_path):
    out = tmp_path / "out.mkv"
    source = tools.pixels(rgb_clip).astype(int)
    mask = tmp_path / "mask.png"
    tools.run("-f", "lavfi", "-i", "color=white:size=16x24,pad=32:24:0:0:black", "-frames:v", "1", mask)
    for options, expected in (
        (["--style", "negative.paint"], 255 - source),
        (["--style", "negative.paint", "--strength", "0.25"], 0.75 * source + 0.25 * (255 - source)),
        (["--style", "black.paint", "--style", "white.paint", "--mix", "0.2"], np.full_like(source, 51)),
        (["--style", "negative.paint", "--compare", "side"], np.concatenate([source, 255 - source], axis=2)),
        (["--style", "black.paint", "--mask", mask], source * (np.arange(32) >= 16)[:, None]),
    ):
        assert stylize(rgb_clip, out, "-y", *LOSSLESS, *options) == 0
        assert np.abs(tools.pixels(out) - expected).max() <= 1, options


def test_transition_through_the_command_line(tools, styles, rgb_clip, tmp_path):
    out = tmp_path / "out.mkv"
    two = ["--style", "black.paint", "--style", "white.paint"]
    assert stylize(rgb_clip, out, *LOSSLESS, *two, "--transition", "0.25-0:00.75") == 0
    assert tools.pixels(out)[:, 0, 0, 0].tolist() == [0, 0, 0, 64, 128, 191, 255, 255]
    assert stylize(rgb_clip, out, "-y", *LOSSLESS, *two, "--transition", "1s") == 0
    assert tools.pixels(out)[4, 0, 0, 0] == 128
    three = ["--style", "white.paint", *two, "--transition", "0.25,0.5-0.75"]
    assert stylize(rgb_clip, out, "-y", *LOSSLESS, *three, "--resumable") == 0
    assert tools.pixels(out)[:, 0, 0, 0].tolist() == [255, 128, 0, 0, 0, 128, 255, 255]


def test_strength_over_time_through_the_command_line(capfd, tools, styles, rgb_clip, tmp_path):
    out, photo = tmp_path / "out.mkv", tmp_path / "photo.png"
    moving = ["--style", "black.paint", "--strength", "0:0,0.5s:1"]
    assert stylize(rgb_clip, out, *LOSSLESS, *moving) == 0
    source = tools.pixels(rgb_clip).astype(int)
    left = np.array([1, 0.75, 0.5, 0.25, 0, 0, 0, 0])[:, None, None, None]
    assert np.abs(tools.pixels(out) - source * left).max() <= 1
    tools.run("-i", rgb_clip, "-frames:v", "1", photo)
    assert stylize(photo, tmp_path / "painted.png", *moving) == 2
    assert "--strength is about video" in capfd.readouterr().err
    assert stylize(photo, "--output-dir", tmp_path / "all", *moving) == 1
    assert "is a picture, and the strength changes with time" in capfd.readouterr().err
    assert stylize(photo, tmp_path / "painted.png", *moving[:-1], "0.5") == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--strength", "1.5"], ["--mix", "0.5"], ["--transition", "2"], ["--style", "white.paint"], ["--compare", "up"],
        ["--style", "white.paint", "--mix", "0.5", "--transition", "2"],
        ["--style", "white.paint", "--style", "white.paint"],
        ["--style", "white.paint", "--transition", "2,4"], ["--style", "white.paint", "--mix", "0.5"] * 2,
        ["--style", "white.paint", "--style", "white.paint", "--transition", "2"], ["--strength", "0:0.2,soon:1"],
        ["--strength", "5:1,0:0"],
        ["--style", "white.paint", "--transition", "5-2"], ["--style", "white.paint", "--transition", "soon"],
        ["--mask", "#12"],
    ],
)  # fmt: skip
def test_wrong_use(capfd, styles, rgb_clip, tmp_path, options):
    assert stylize(rgb_clip, tmp_path / "out.mkv", "--style", "black.paint", *options) == 2
    assert not (tmp_path / "out.mkv").exists()


def test_masks_that_cannot_be_read(capfd, styles, rgb_clip, tmp_path):
    (tmp_path / "mask.png").write_text("no picture")
    for mask, message in (("missing.png", "missing.png: No such file"), (tmp_path / "mask.png", "mask.png: ")):
        assert stylize(rgb_clip, tmp_path / "out.mkv", "--style", "black.paint", "--mask", mask) == 1
        assert message in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
