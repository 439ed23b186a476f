"""Carried paintings: steadier than painted ones, as sharp, and new where the scene is new."""

import itertools
import tracemalloc
from fractions import Fraction

import cv2
import numpy as np
import pytest
from conftest import IDENTITY
from identity import silent

from reconet_cli.cli import run as reconet
from reconet_cli.errors import MediaError
from reconet_cli.stylizing.deflicker import Deflicker, DeflickerStage
from reconet_cli.stylizing.deflicker.bridge import BridgeStage
from reconet_cli.stylizing.deflicker.motion import Motion, half_luma
from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.stylizing.network import Network
from reconet_cli.stylizing.pipeline import run
from reconet_cli.stylizing.stage import Stage, through
from reconet_cli.stylizing.whole import paint
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.request import Request

HEIGHT, WIDTH = 120, 160


def texture(seed: int, height: int, width: int, dtype=np.uint8) -> np.ndarray:
    """Smooth blotches with edges over the whole range of the type."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    blotches = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.clip((blotches / blotches.std() * 0.25 + 0.5) * np.iinfo(dtype).max, 0, np.iinfo(dtype).max).astype(dtype)


def moving(seed: int, count: int, step: tuple[int, int], size=(HEIGHT, WIDTH), dtype=np.uint8) -> list[np.ndarray]:
    """A texture that moves left and up by `step` (x, y) pixels a frame."""
    height, width = size
    world = texture(seed, height + count * step[1], width + count * step[0], dtype)
    return [world[t * step[1] :, t * step[0] :][:height, :width].copy() for t in range(count)]


def brushed(frames: list[np.ndarray], spread: float, seed: int = 9) -> list[np.ndarray]:
    """Inverted frames under strokes that are different in each frame, as an unsteady network would paint them."""
    random = np.random.default_rng(seed)
    most = np.iinfo(frames[0].dtype).max
    strokes = (cv2.GaussianBlur(random.normal(size=f.shape).astype(np.float32), (0, 0), 1.0) for f in frames)
    return [
        np.clip(most - f + s / s.std() * spread * most, 0, most).astype(f.dtype)
        for f, s in zip(frames, strokes, strict=True)
    ]


def flicker(painted: list[np.ndarray], step: tuple[int, int]) -> float:
    """Root mean square difference from the frame before, shifted by the true motion, without a border."""
    x, y = step
    height, width = painted[0].shape[:2]
    scale, margin = np.iinfo(painted[0].dtype).max, 12
    gaps = [
        now[margin : height - y - margin, margin : width - x - margin] / scale
        - before[margin + y : height - margin, margin + x : width - margin] / scale
        for before, now in itertools.pairwise(painted)
    ]
    return float(np.sqrt(np.mean(np.square(gaps))))


def sharpness(frames: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(cv2.Laplacian(f.astype(np.float32), cv2.CV_32F)).mean() for f in frames]))


def steadied(sources, painted, strength=1.0):
    stabilizer = Deflicker(strength)
    return [stabilizer(*pair) for pair in zip(sources, painted, strict=True)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("step", [(0, 0), (2, 1), (5, 0)])
def test_strokes_stay_where_they_were_painted_and_stay_sharp(step, dtype):
    sources = moving(1, 20, step, dtype=dtype)
    painted = brushed(sources, 0.04)
    result = steadied(sources, painted)
    assert all(frame.dtype == dtype and frame.shape == painted[0].shape for frame in result)
    assert flicker(result, step) < 0.4 * flicker(painted, step)
    assert sharpness(result) > 0.8 * sharpness(painted)


def test_the_first_frame_is_the_fresh_one_and_strength_0_changes_nothing():
    sources = moving(2, 4, (1, 1))
    painted = brushed(sources, 0.05)
    assert np.array_equal(steadied(sources, painted)[0], painted[0])
    for fresh, result in zip(painted, steadied(sources, painted, 0.0), strict=True):
        assert np.array_equal(fresh, result)


def test_strength_is_a_share():
    sources = moving(2, 6, (1, 1))
    painted = brushed(sources, 0.05)
    full, half = steadied(sources, painted)[-1], steadied(sources, painted, 0.5)[-1]
    assert np.abs(half.astype(int) - (full.astype(int) + painted[-1]) / 2).max() <= 1
    assert np.abs(full.astype(int) - painted[-1]).mean() > 2


def test_the_first_frame_after_a_cut_is_the_fresh_one():
    sources = moving(3, 10, (2, 0)) + moving(4, 6, (0, 1))
    painted = brushed(sources, 0.05)
    result = steadied(sources, painted)
    assert np.array_equal(result[10], painted[10])
    assert not np.array_equal(result[9], painted[9])
    assert not np.array_equal(result[11], painted[11])
    # nothing of the first scene is left: the same as if the clip began here
    for late, fresh in zip(result[10:], steadied(sources[10:], painted[10:]), strict=True):
        assert np.array_equal(late, fresh)


def test_what_comes_into_sight_is_painted_anew():
    """A square jumps over a still background: it leaves nothing behind, and what is far from it does not change."""
    ground, square = texture(5, HEIGHT, WIDTH), texture(6, 30, 30)
    sources = []
    for t in range(16):
        frame = ground.copy()
        frame[40:70, 10 + 7 * t : 40 + 7 * t] = square
        sources.append(frame)
    painted = [255 - frame for frame in sources]
    gaps = [np.abs(r.astype(int) - p).mean(2) for r, p in zip(steadied(sources, painted), painted, strict=True)]
    uncovered = [gap[40:70, 10 + 7 * (t - 2) : 10 + 7 * t] for t, gap in enumerate(gaps) if t >= 2]
    contrast = np.abs(ground[40:70, 10:40].astype(int) - square).mean()
    assert np.mean(uncovered) < 0.3 * contrast
    assert max(gap[90:].max() for gap in gaps) <= 9  # neighborhoods keep their contrast


def test_what_stands_still_stays_as_sharp_as_it_is():
    random = np.random.default_rng(4)
    still = texture(8, HEIGHT, WIDTH)
    sources = [np.clip(still + random.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(30)]
    painted = brushed([still], 0.2)[0]
    for result in steadied(sources, [painted] * 30):
        assert sharpness([result]) == pytest.approx(sharpness([painted]), rel=0.1)


def test_strokes_that_are_carried_for_long_are_neither_blurred_nor_engraved():
    """A third of a pixel a frame, with strokes that move along: at each scale there is as much as was painted."""
    count = 60
    world = texture(11, 3 * HEIGHT, 3 * WIDTH + count)
    world = cv2.addWeighted(world, 0.8, texture(12, *world.shape[:2])[:, ::-1], 0.2, 0)
    sources = [
        cv2.resize(world[:, t : t + 3 * WIDTH], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for t in range(count)
    ]
    painted = [255 - frame for frame in sources]

    def bands(frame: np.ndarray) -> np.ndarray:
        inner = frame[16:-16, 16:-16].astype(np.float32)
        smooth = [inner, *(cv2.GaussianBlur(inner, (0, 0), sigma) for sigma in (0.8, 1.6, 3.2))]
        return np.array([np.std(fine - coarse) for fine, coarse in itertools.pairwise(smooth)])

    result = steadied(sources, painted)
    for late in (20, 40, 59):
        assert bands(result[late]) == pytest.approx(bands(painted[late]), rel=0.15)


def test_every_place_is_painted_anew_in_time_and_not_at_once():
    still = texture(13, HEIGHT, WIDTH)
    first, second = (brushed([still], 0.1, seed=seed)[0].astype(int) for seed in (1, 2))
    result = steadied([still] * 80, [first.astype(np.uint8)] * 20 + [second.astype(np.uint8)] * 60)
    apart = cv2.blur(np.abs(first - second).astype(np.float32), (15, 15))
    changes = [cv2.blur(np.abs(frame - first).astype(np.float32), (15, 15)) / apart for frame in result[20:]]
    assert np.median(changes[2]) < 0.5
    assert changes[-1].min() > 0.5
    steps = np.abs(np.diff([change.mean() for change in changes]))
    assert steps.max() < 0.1


def test_what_is_torn_open_is_painted_anew():
    """Two halves part; what appears between them looks like them to the eye of a camera, and is painted otherwise."""
    world = texture(7, HEIGHT, WIDTH) // 16 + 100
    sources, painted = [], []
    for t in range(16):
        gap = slice(WIDTH // 2 - 2 * t, WIDTH // 2 + 2 * t)
        frame = np.hstack([world[:, 2 * t : WIDTH // 2 + 2 * t], world[:, WIDTH // 2 - 2 * t : WIDTH - 2 * t]])
        frame[:, gap] = 107
        sources.append(frame)
        brush = np.full_like(frame, 40)
        brush[:, gap] = 220
        painted.append(brush)
    result = steadied(sources, painted)
    for t in (8, 15):
        gap = slice(WIDTH // 2 - 2 * t + 4, WIDTH // 2 + 2 * t - 4)
        assert np.abs(result[t][:, gap].astype(int) - 220).mean() < 45, "a quarter of 180"


def test_brightness_may_change_quickly_without_being_held_back():
    """A light goes on: the painting follows within a frame."""
    sources = moving(7, 8, (0, 0))
    sources = [np.clip(f * 0.5 + (0 if t < 5 else 110), 0, 255).astype(np.uint8) for t, f in enumerate(sources)]
    painted = brushed(sources, 0.02)
    result = steadied(sources, painted)
    assert abs(result[5].mean() - painted[5].mean()) < 4


@pytest.mark.parametrize("size", [(1, 1), (7, 50), (33, 47), (63, 130), (64, 64), (301, 35)])
def test_any_size(size):
    sources = moving(8, 4, (1, 0), size=size)
    painted = brushed(sources, 0.05)
    for fresh, result in zip(painted, steadied(sources, painted), strict=True):
        assert result.shape == fresh.shape
        assert result.dtype == fresh.dtype


def test_black_frames_and_a_change_of_size_do_no_harm():
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stabilizer = Deflicker()
    for _ in range(3):
        assert np.array_equal(stabilizer(black, black), black)
    small = texture(1, 40, 60)
    assert np.array_equal(stabilizer(small, 255 - small), 255 - small)


def test_a_side_that_opencv_cannot_sample_is_refused():
    for size in ((4, 16384, 3), (16384, 4, 3)):
        with pytest.raises(MediaError, match="cannot be steadied"):
            Deflicker()(np.zeros(size, np.uint8), np.zeros(size, np.uint8))
    widest = np.zeros((4, 16383, 3), np.uint8)
    stabilizer = Deflicker()
    for _ in range(2):
        assert np.array_equal(stabilizer(widest, widest), widest)


def test_colors_and_contrast_follow_the_fresh_painting():
    """A network's colors drift while nothing moves: what is carried goes along, about half a frame's change behind."""
    sources = moving(3, 12, (1, 0))
    painted = [np.clip(255 - f / 2 - 5 * t, 0, 255).astype(np.uint8) for t, f in enumerate(sources)]
    for fresh, result in zip(painted, steadied(sources, painted), strict=True):
        assert np.abs(fresh.mean((0, 1)) - result.mean((0, 1))).max() < 3.5
        assert result.std() == pytest.approx(fresh.std(), rel=0.1)


def test_what_is_kept_does_not_grow():
    sources = moving(1, 2, (1, 0))
    stabilizer, kept = Deflicker(), []
    tracemalloc.start()
    for t in range(40):
        stabilizer(sources[t % 2], 255 - sources[t % 2])
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(kept[20:]) < 1.02 * max(kept[:20]) < 40 * sources[0].nbytes


def test_motion_is_found_to_a_tenth_of_a_pixel():
    first, second = moving(1, 2, (4, 2))
    flow = Motion()(half_luma(second), half_luma(first))
    inner = flow[8:-8, 8:-8].reshape(-1, 2)
    assert np.abs(np.median(inner, axis=0) - (2, 1)).max() < 0.05


class Engine:
    description, precision, concurrency = "noise", "", 2

    def __init__(self):
        self.random = np.random.default_rng(0)

    def __call__(self, pixels):
        return 255 - pixels


def test_the_pipeline_steadies_in_order_before_the_looks():
    sources = [Frame(f, Fraction(t, 25), Fraction(1, 25)) for t, f in enumerate(moving(1, 12, (1, 0)))]
    seen = []

    class Halved:
        def follow(self, source, number):
            seen.append(source)
            return source

        def show(self, painted, change):
            assert np.array_equal(painted, 255 - change)
            return painted // 2

    class Ends:
        size, aspect = (WIDTH, HEIGHT), Fraction(1)

        def __init__(self):
            self.written = []

        def __iter__(self):
            return iter(sources)

        def write(self, frame):
            self.written.append(frame)

        def finish(self): ...
        def abort(self): ...
        def release(self): ...

    ends = Ends()
    stages = [Network([Engine()]), DeflickerStage(Halved()), EffectsStage(Effects(compare="side"))]
    assert run(ends, stages, ends) == len(sources)
    assert all(before is after.pixels for before, after in zip(seen, sources, strict=True))
    for source, result in zip(sources, ends.written, strict=True):
        assert result.time == source.time
        assert np.array_equal(result.pixels, np.hstack([source.pixels, (255 - source.pixels) // 2]))


@pytest.mark.parametrize("where", ["prepare", "apply"])
def test_an_error_while_deflickering_ends_the_run(where, clip, tmp_path):
    class Broken(Stage):
        in_order = True

        def prepare(self, source):
            if where == "prepare":
                raise ValueError("broken")

        def apply(self, source, painted, prepared):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        paint(Request(str(clip), str(tmp_path / "out.mp4")), lambda *_: [Broken()], silent)
    assert not list(tmp_path.glob("*out*"))


def test_options(capfd, identity, clip, tmp_path):
    """`--deflicker` with and without a number, and where it may stand."""
    stylize, none = ["stylize", "--style", IDENTITY], str(tmp_path / "no.mp4")
    assert reconet([*stylize, str(clip), str(tmp_path / "out.mp4"), "--deflicker"]) == 0
    assert (tmp_path / "out.mp4").exists()
    assert reconet([*stylize, str(clip), none, "--deflicker=2"]) == 2
    assert "between 0 and 1" in capfd.readouterr().err
    assert reconet([*stylize, "--deflicker", str(clip), none]) == 2
    assert "behind the names" in capfd.readouterr().err


def test_deflicker_command(tools, clip, tmp_path):
    short, target = tools.clip("short.mp4", seconds=0.4), tmp_path / "out.mp4"
    assert reconet(["deflicker", str(clip), str(short), str(target)]) == 0
    assert len(tools.times(target)) == len(tools.times(short)) == 10
    assert tools.packets(target) == tools.packets(short)
    assert reconet(["deflicker", str(short), str(clip), str(tmp_path / "none.mp4")]) == 1
    assert not list(tmp_path.glob("*none*"))


def test_a_bridge_leads_from_one_history_to_another():
    count, seam, end = 24, 8, 20
    frames = moving(3, count, (2, 1))
    painted = brushed(frames, 0.1)
    length = Fraction(1, 25)

    def shown(stage: Stage, first: int, last: int) -> list[np.ndarray]:
        pairs = zip(frames[first:last], painted[first:last], strict=True)
        moments = [
            (Frame(a, t * length, length), Frame(b, t * length, length)) for t, (a, b) in enumerate(pairs, first)
        ]
        return [through([stage], source, paint).pixels for source, paint in moments]

    one, other = DeflickerStage(Deflicker(1.0)), DeflickerStage(Deflicker(1.0))
    before = shown(one, 0, seam)
    bridge = BridgeStage(DeflickerStage(Deflicker(1.0)), DeflickerStage(Deflicker(1.0)), seam * length, end * length)
    bridge.remember(one.memory())
    crossing = shown(bridge, seam - 3, end)[3:]
    behind = DeflickerStage(Deflicker(1.0))
    behind.remember(bridge.memory())
    after = shown(behind, end, count)
    # Without a break, the first machine would have gone on in the one way, and the second one in the other.
    assert np.array_equal(crossing[0], shown(one, seam, end)[0])
    assert np.array_equal(after, shown(other, seam - 3, count)[end - seam + 3 :])
    broken = flicker([before[-1], shown(DeflickerStage(Deflicker(1.0)), seam - 3, count)[3]], (2, 1))
    assert flicker([before[-1], crossing[0]], (2, 1)) < broken / 2
    assert flicker([crossing[-1], after[0]], (2, 1)) < broken / 2
