"""Flow colors: the corners of Middlebury's wheel, lengths, unknown pixels, and the legend."""

import numpy as np
import pytest

from reconet_cli.flow.colors import flow_to_rgb, with_legend


def color_of(x: float, y: float, max_flow: float = 1) -> list[int]:
    return flow_to_rgb(np.array([[[x]], [[y]]], np.float32), max_flow)[0, 0].tolist()


# The wheel has 15 + 6 + 4 + 11 + 13 + 6 colors; its code spreads the 55 over a circle of 54 steps, clockwise (y is
# down) from the right.
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, (255, 0, 0)),
        (15, (255, 255, 0)),
        (15 + 6, (0, 255, 0)),
        (15 + 6 + 4, (0, 255, 255)),
        (15 + 6 + 4 + 11, (0, 0, 255)),
        (15 + 6 + 4 + 11 + 13, (255, 0, 255)),
        (3, (255, 51, 0)),
        (18, (255 - 127, 255, 0)),
    ],
)
def test_the_corners_of_the_wheel(step, expected):
    angle = step / 54 * 2 * np.pi
    np.testing.assert_allclose(color_of(np.cos(angle), np.sin(angle)), expected, atol=1)


def test_right_is_red_left_is_cyan_and_opposites_differ():
    assert color_of(1, 0) == color_of(1, -0.0) == [255, 0, 0]
    red, green, blue = color_of(-1, 0)
    assert red == 0
    assert min(green, blue) > 200
    for x, y in ((1, 0), (0, 1), (0.6, 0.8), (-0.6, 0.8)):
        assert np.abs(np.subtract(color_of(x, y), color_of(-x, -y))).max() > 150


def test_lengths_run_from_white_to_full_and_then_darker():
    assert color_of(0, 0) == [255, 255, 255]
    np.testing.assert_allclose(color_of(0.5, 0), (255, 127.5, 127.5), atol=1)
    assert color_of(7, 0, max_flow=7) == [255, 0, 0]
    np.testing.assert_allclose(color_of(9, 0, max_flow=7), (191, 0, 0), atol=1)


def test_the_longest_known_flow_is_the_default_scale():
    flow = np.zeros((2, 1, 3), np.float32)
    flow[0, 0] = 5, 2.5, 1000
    known = np.array([[True, True, False]])
    colors = flow_to_rgb(flow, known=known)[0].tolist()
    assert colors[0] == [255, 0, 0]
    assert colors[1] == pytest.approx([255, 128, 128], abs=1)
    assert colors[2] == [0, 0, 0]
    assert (flow_to_rgb(np.zeros((2, 4, 5), np.float32)) == 255).all()


def test_pixels_that_are_not_finite_are_black():
    flow = np.ones((2, 2, 2), np.float32)
    flow[0, 0, 1] = np.nan
    flow[1, 1, 0] = np.inf
    black = (flow_to_rgb(flow) == 0).all(-1)
    assert black.tolist() == [[False, True], [True, False]]


def test_the_legend_stays_in_its_corner_and_shows_the_wheel():
    picture = np.full((360, 640, 3), 77, np.uint8)
    drawn = with_legend(picture, 12.5)
    assert (picture == 77).all()
    changed = np.argwhere((drawn != 77).any(-1))
    top, right = changed[:, 0].min(), changed[:, 1].max()
    assert top > 360 * 0.75
    assert right < 640 * 0.4
    reds = np.argwhere((drawn == (255, 0, 0)).all(-1))
    cyans = np.argwhere((drawn[..., 0] < 20) & (drawn[..., 1] > 200) & (drawn[..., 2] > 200))
    assert reds[:, 1].min() > cyans[:, 1].max()
    dark = (drawn < 60).all(-1)
    assert 20 < dark.sum() < 2000  # the letters
    assert np.argwhere(dark)[:, 1].min() > reds[:, 1].max()


@pytest.mark.parametrize("size", [(1, 1), (40, 400), (400, 40), (64, 128)])
def test_the_legend_needs_room(size):
    picture = np.full((*size, 3), 77, np.uint8)
    assert with_legend(picture, 4).shape == picture.shape
    assert (with_legend(picture, 4) == picture).all() == (size != (64, 128))
