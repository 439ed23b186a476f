"""Flow as colors: the wheel of Baker et al., *A Database and Evaluation Methodology for Optical Flow*, IJCV 2011.

Hue is the direction (red to the right, then yellow, green, cyan, blue and magenta clockwise as y points down), white is
no motion, full color `max_flow`; what is faster is darker.
"""

from __future__ import annotations

import cv2
import numpy as np

# Steps from each corner of the wheel to the next: red, yellow, green, cyan, blue, magenta.
_STEPS = (15, 6, 4, 11, 13, 6)
_CORNERS = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255))
# Faster than `max_flow`.
_DARKER = 0.75
_SMALLEST_LEGEND = 64


def _wheel() -> np.ndarray:
    """The 55 colors around the wheel, float32 `(55, 3)` in [0, 1]."""
    colors = []
    for corner, (start, steps) in enumerate(zip(_CORNERS, _STEPS, strict=True)):
        end = _CORNERS[(corner + 1) % len(_CORNERS)]
        for step in range(steps):
            # The paper's code truncates what changes, whether it rises or falls.
            part = 255 * step // steps
            colors.append([a if a == b else part if b else 255 - part for a, b in zip(start, end, strict=True)])
    return np.array(colors, np.float32) / 255


_WHEEL = _wheel()


def flow_to_rgb(flow: np.ndarray, max_flow: float | None = None, known: np.ndarray | None = None) -> np.ndarray:
    """Colors of a flow `(2, H, W)` in pixels, as uint8 RGB `(H, W, 3)`.

    `max_flow` is the length in pixels that gets the full color, by default the longest known flow. Pixels that are
    not `known`, bool `(H, W)`, or not finite are black.
    """
    finite = np.isfinite(flow).all(0)
    known = finite if known is None else known & finite
    x, y = np.where(known, flow, np.float32(0))
    length = np.hypot(x, y)
    length = length / (max_flow or length.max() or 1)
    # Zeros lose their sign: motion to the right begins the wheel, it does not end it.
    place = (np.arctan2(-(y + 0.0), -x) / np.pi + 1) / 2 * (len(_WHEEL) - 1)
    below = place.astype(np.intp)
    part = (place - below)[..., None]
    hue = (1 - part) * _WHEEL[below] + part * _WHEEL[(below + 1) % len(_WHEEL)]
    color = np.where(length[..., None] <= 1, 1 - length[..., None] * (1 - hue), _DARKER * hue)
    return np.where(known[..., None], np.rint(255 * color), 0).astype(np.uint8)


def with_legend(picture: np.ndarray, max_flow: float) -> np.ndarray:
    """A copy of RGB uint8 `(H, W, 3)` with the wheel in its lower left corner and `max_flow` in pixels beside it.

    Pictures of less than 64 px in height or 128 px in width have no room for it and stay as they are.
    """
    picture = picture.copy()
    height, width = picture.shape[:2]
    if height < _SMALLEST_LEGEND or width < 2 * _SMALLEST_LEGEND:
        return picture
    radius = max(10, min(height, width) // 12)
    text, size = f"{max_flow:.3g} px", radius / 28
    (long, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    gap = max(2, radius // 5)
    side = 2 * radius + 1
    plate = np.full((side + 2 * gap, side + long + 3 * gap, 3), 255, np.uint8)
    plate[gap : gap + side, gap : gap + side] = _disc(radius)
    where = (side + 2 * gap, (plate.shape[0] + high) // 2)
    cv2.putText(plate, text, where, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.rectangle(plate, (0, 0), (plate.shape[1] - 1, plate.shape[0] - 1), (160, 160, 160))
    plate = plate[:, :width]
    picture[height - plate.shape[0] :, : plate.shape[1]] = plate
    return picture


def _disc(radius: int) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
    colors = flow_to_rgb(np.stack([x, y]), radius)
    colors[np.hypot(x, y) > radius] = 255
    return colors
