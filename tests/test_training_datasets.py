"""Training pairs from optical-flow data sets."""

import numpy as np
import pytest
import torch

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets import open_dataset
from reconet_cli.training.data.datasets import DatasetPairs
from reconet_cli.warping import warp
from tests import flow_trees as trees


@pytest.mark.parametrize("build", [trees.sintel, trees.scene_flow, trees.flying_chairs, trees.kitti])
def test_squares_carry_their_motion_mirrored_or_not(build, tmp_path):
    source = DatasetPairs(open_dataset(build(tmp_path)))
    directions = set()
    for seed in range(12):
        pair = source.sample(32, torch.Generator().manual_seed(seed))
        assert pair.previous.shape == pair.current.shape == (1, 3, 32, 32)
        assert (pair.flow.shape, pair.mask.shape) == ((1, 2, 32, 32), (1, 1, 32, 32))
        assert pair.mask.mean() > 0.25
        difference = (warp(pair.previous, pair.flow) - pair.current).abs() * pair.mask
        assert difference.max() < 1e-6
        background = pair.flow[0, :, pair.mask[0, 0] > 0].abs().min(1).values
        assert background.tolist() == [abs(v) for v in trees.BACKGROUND]
        directions |= set(pair.flow[0, 0][pair.mask[0, 0] > 0].sign().tolist())
    assert directions == {-1.0, 1.0}


def test_the_same_seed_gives_the_same_square(tmp_path):
    source = DatasetPairs(open_dataset(trees.sintel(tmp_path)))
    first, again, other = (source.sample(24, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first.current, again.current)
    assert not torch.equal(first.current, other.current)
    assert len(source) == 2
    assert [example.shape for example in source.examples()] == [(trees.HEIGHT, trees.WIDTH, 3)] * 2


def test_small_frames_are_enlarged_with_their_flow(tmp_path):
    wave = np.linspace(0, 6, trees.WIDTH + 8)
    scene = np.stack([np.sin(wave + phase)[None].repeat(trees.HEIGHT, 0) for phase in range(3)], -1)
    scene = np.round(127 + 120 * scene).astype(np.uint8)
    trees.put_picture(tmp_path / "0img0.ppm", scene[:, 4:-4])
    trees.put_picture(tmp_path / "0img1.ppm", scene[:, 1:-7])
    # What the first frame shows at x, the second shows 3 px further right.
    flow = np.zeros((2, trees.HEIGHT, trees.WIDTH), np.float32)
    flow[0] = 3
    trees.put_flo(tmp_path / "0flow.flo", flow)
    source = DatasetPairs(open_dataset(tmp_path))
    for seed in range(6):
        pair = source.sample(2 * trees.HEIGHT, torch.Generator().manual_seed(seed))
        assert pair.flow[0, 0].abs().unique().tolist() == pytest.approx([6])
        seen = pair.mask.bool().expand_as(pair.current)
        assert pair.mask.mean() > 0.8
        difference = (warp(pair.previous, pair.flow) - pair.current).abs()[seen]
        assert difference.max() < 0.02
        assert (pair.previous - pair.current).abs()[seen].mean() > 0.05


def test_a_damaged_file_is_named(tmp_path):
    dataset = open_dataset(trees.sintel(tmp_path))
    for path in (tmp_path / "training/flow").rglob("*.flo"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FlowError, match=r"frame_000\d\.flo"):
        DatasetPairs(dataset).sample(32, torch.Generator().manual_seed(0))
