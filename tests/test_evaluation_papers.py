"""Measures that papers use, beside numpy written from their formulas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from reconet_cli.errors import StyleError
from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.evaluation.measures.temporal import Trace
from reconet_cli.evaluation.measures.warping_error import unoccluded, warping_error
from reconet_cli.model.loss_files import LPIPS_HEADS, load_loss_network
from reconet_cli.model.squeezenet import SqueezeNet
from tests.evaluating import evaluate

HEIGHT, WIDTH = 24, 32
LPIPS_LAYERS = {"conv1": 64, "fire3": 128, "fire5": 256, "fire6": 384, "fire7": 384, "fire8": 512, "fire9": 512}


def spots(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return (40 + (blurred - blurred.min()) / np.ptp(blurred) * 170).astype(np.uint8)


def sampled(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """Bilinear, with the border's values beyond it; `image` is `(H, W, C)`."""
    x, y = np.clip(x, 0, WIDTH - 1), np.clip(y, 0, HEIGHT - 1)
    left, top = min(int(x), WIDTH - 2), min(int(y), HEIGHT - 2)
    a, b = x - left, y - top
    rows = image[top] * (1 - b) + image[top + 1] * b
    return rows[left] * (1 - a) + rows[left + 1] * a


def lai(frame: np.ndarray, following: np.ndarray, forward: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, float]:
    """Mask and error of Lai et al., pixel by pixel; flows are `(H, W, 2)`."""
    mask, total = np.zeros((HEIGHT, WIDTH)), 0.0
    for y in range(HEIGHT):
        for x in range(WIDTH):
            f = forward[y, x]
            r = sampled(back, x + f[0], y + f[1])
            right = forward[y, x + 1] - f if x + 1 < WIDTH else np.zeros(2)
            down = forward[y + 1, x] - f if y + 1 < HEIGHT else np.zeros(2)
            occluded = ((f + r) ** 2).sum() > 0.01 * ((f**2).sum() + (r**2).sum()) + 0.5
            boundary = (right**2).sum() + (down**2).sum() > 0.01 * (f**2).sum() + 0.002
            mask[y, x] = not (occluded or boundary)
            gap = frame[y, x] / 255 - sampled(following / 255, x + f[0], y + f[1])
            total += mask[y, x] * (gap**2).sum()
    return mask, total / (3 * mask.sum())


def test_the_warping_error_is_that_of_lai():
    rng = np.random.default_rng(3)
    # Motion by pieces: smooth inside, with edges between them, some of it out of the frame, and occlusions.
    forward = np.zeros((HEIGHT, WIDTH, 2), np.float32) + rng.normal(0, 0.01, (HEIGHT, WIDTH, 2)).astype(np.float32)
    forward[:, :12] += (-3.3, 1.2)
    forward[14:, 20:] += (2.6, 4.1)
    back = np.roll(-forward, 2, 1)
    frame, following = spots(1), spots(2)
    there, again = (torch.from_numpy(flow).permute(2, 0, 1)[None].contiguous() for flow in (forward, back))
    expected_mask, expected = lai(frame, following, forward, back)
    mask = unoccluded(there, again)
    assert 0.2 < expected_mask.mean() < 0.9
    assert (mask[0, 0].numpy() == expected_mask).all()
    assert warping_error(frame, following, there, mask) == pytest.approx(expected, rel=1e-5)
    assert warping_error(frame, following, there, 0 * mask) == 0


def test_tof_is_the_mean_distance_of_two_flows():
    whole = spots(4, 48, 80)
    source = [whole[:, 2 * t : 2 * t + 64].copy() for t in range(6)]
    painted = [255 - whole[:, 12 - t : 76 - t] for t in range(6)]
    found = evaluate(source, {"other way": painted, "same": source})

    def flow(clip: list[np.ndarray], t: int) -> np.ndarray:
        gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
        return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(gray[t - 1], gray[t], None)

    for t in (1, 5):
        distance = np.sqrt(((flow(painted, t).astype(float) - flow(source, t)) ** 2).sum(2)).mean()
        assert found.painted[0].frames[t].motion == pytest.approx(distance, rel=1e-5)
    assert found.painted[0].motion == pytest.approx(3, abs=0.4), "2 px to the left, 1 px to the right"
    assert found.painted[1].motion == 0
    assert np.isnan(found.source.motion)


def test_the_source_alone_has_a_warping_error_too():
    whole = spots(5, 48, 80)
    source = [whole[:, 2 * t : 2 * t + 64].copy() for t in range(4)]
    rng = np.random.default_rng(6)
    noisy = [np.clip(np.rint(frame + rng.normal(0, 8, frame.shape)), 0, 255).astype(np.uint8) for frame in source]
    found = evaluate(source, {"noisy": noisy})
    # A mean of squares over the pixels that count: however many they are, it is the noise of two frames, which
    # interpolation lowers a little.
    assert found.painted[0].warping == pytest.approx(2 * 64 / 255**2, rel=0.15)
    assert found.source.warping < 0.1 * found.painted[0].warping


@pytest.fixture
def squeezenet(tmp_path):
    """A file as torchvision has it, with random weights, and LPIPS's heads beside it."""
    generator = torch.Generator().manual_seed(0)
    state = {f"features.{k.removeprefix('features.')}": v for k, v in SqueezeNet().state_dict().items()}
    torch.save({**state, "classifier.1.bias": torch.zeros(1000)}, tmp_path / "squeezenet1_1-b8a52dc0.pth")
    heads = {
        f"lin{index}.model.1.weight": torch.rand(1, channels, 1, 1, generator=generator)
        for index, channels in enumerate(LPIPS_LAYERS.values())
    }
    torch.save(heads, tmp_path / LPIPS_HEADS)
    return tmp_path / "squeezenet1_1-b8a52dc0.pth", heads


def test_warped_lpips_has_the_heads_weights(squeezenet):
    path, heads = squeezenet
    network = load_loss_network(str(path))
    before, now = spots(7, 64, 80), spots(8, 64, 80)
    shift = torch.zeros(1, 2, 64, 80)
    shift[:, 0] = 3
    mask = torch.ones(1, 1, 64, 80)
    mask[..., 60:] = 0
    carried = np.where(np.arange(80)[None, :, None] < 60, np.roll(before, -3, 1), now)
    seen = [
        network.features_at(torch.from_numpy(frame.astype(np.float32) / 255).permute(2, 0, 1)[None], LPIPS_LAYERS)
        for frame in (now, carried)
    ]
    expected = 0.0
    for index, name in enumerate(LPIPS_LAYERS):
        a, b = (features[name][0].numpy().astype(float) for features in seen)
        a, b = (x / (np.sqrt((x**2).sum(0)) + 1e-10) for x in (a, b))
        weights = heads[f"lin{index}.model.1.weight"].numpy().ravel()
        expected += np.einsum("c,chw->hw", weights, (a - b) ** 2).mean()
    comparator = Comparator(network)
    found = comparator.change(now, comparator.view(now), before, Trace(shift, mask))
    assert found.lpips == pytest.approx(expected, rel=1e-4)
    assert found.perceptual != found.lpips
    score = evaluate([before, now], {"painted": [now, before]}, comparator=comparator).painted[0]
    assert score.lpips > 0


def test_a_squeezenet_without_heads_has_no_lpips(squeezenet):
    path, _ = squeezenet
    path.with_name(LPIPS_HEADS).unlink()
    assert not load_loss_network(str(path)).lpips_heads
    path.with_name(LPIPS_HEADS).write_bytes(b"no heads")
    with pytest.raises(StyleError, match="has no heads of LPIPS"):
        load_loss_network(str(path))


def test_squeezenet_by_name_comes_from_the_cache(squeezenet, monkeypatch):
    path, _ = squeezenet
    cache = path.parent / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    for file in (path, path.with_name(LPIPS_HEADS)):
        file.rename(cache / file.name)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(cache.parent))
    assert list(load_loss_network("squeezenet").lpips_heads) == list(LPIPS_LAYERS)
    (cache / LPIPS_HEADS).unlink()

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(StyleError, match="LPIPS's heads could not be downloaded"):
        load_loss_network("squeezenet")
