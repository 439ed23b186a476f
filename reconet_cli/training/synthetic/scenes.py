"""Moving scenes from nothing: layers of textured things, with exact flow, visibility and motion boundaries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reconet_cli.model.tensors import to_tensor
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.data.sources import reduce_to
from reconet_cli.training.synthetic.random_motion import camera_noise, change_light, grid, random_flow, turn, uniform
from reconet_cli.training.synthetic.textures import canvas, shape
from reconet_cli.warping import inside_frame

# Different canvases and outlines; kept once drawn, 768 KB and 64 KB each.
_CANVASES = 160
_SHAPES = 96
_CANVAS_SIDE = 512
_SHAPE_SIDE = 256
_MOST_LAYERS = 6
# A pixel belongs to a layer, and can be traced, where the layer makes up at least this share of it.
_WHOLE = 0.9
_LARGEST_OWN_SHIFT = 0.12
_LARGEST_OWN_TURN = math.radians(12)
_LARGEST_OWN_ZOOM = 0.08


@lru_cache(maxsize=_CANVASES)
def _canvas(seed: int) -> np.ndarray:
    return canvas(_CANVAS_SIDE, seed)


@lru_cache(maxsize=_SHAPES)
def _shape(seed: int) -> np.ndarray:
    return shape(_SHAPE_SIDE, seed)


@dataclass(frozen=True)
class Layer:
    """A thing in the scene.

    `texture` `(3, S, S)` and `outline` `(1, s, s)` in [0, 1] are both spread over the square [-1, 1]²; `place` `(2, 3)`
    maps pixels of the previous frame, relative to its middle, to that square; `flow` `(2, H, W)` is the thing's own
    motion current→previous in pixels, known everywhere, seen or not.
    """

    texture: Tensor
    outline: Tensor
    place: Tensor
    flow: Tensor

    def coverage(self, points: Tensor) -> Tensor:
        """How much of each point `(2, H, W)` of the previous frame the outline covers, `(1, H, W)`."""
        return _look_up(self.outline, self._square(points), "zeros")

    def color(self, points: Tensor) -> Tensor:
        """Its color at points of the previous frame, `(3, H, W)`; beyond the square it continues mirrored."""
        return _look_up(self.texture, self._square(points), "reflection")

    def _square(self, points: Tensor) -> Tensor:
        return torch.einsum("ij,jhw->ihw", self.place[:, :2], points) + self.place[:, 2, None, None]


def _look_up(image: Tensor, square: Tensor, beyond: str) -> Tensor:
    sampled = F.grid_sample(image[None], square.permute(1, 2, 0)[None], padding_mode=beyond, align_corners=False)
    return sampled[0]


def compose(coverages: list[Tensor]) -> Tensor:
    """Shares `(L, H, W)` of each layer in a picture, from coverages `(1, H, W)` bottom to top; they add up to 1."""
    shares: list[Tensor] = []
    for coverage in coverages:
        shares = [share * (1 - coverage) for share in shares] + [coverage]
    return torch.cat(shares)


def _mix(shares: Tensor, colors: list[Tensor]) -> Tensor:
    return (shares[:, None] * torch.stack(colors)).sum(0)


def render(layers: list[Layer], size: int) -> FramePairs:
    """Both frames of a scene, `size`² pixels; the first layer covers everything.

    A layer's point p of the current frame was at p + flow(p) in the previous one, so the visible layer's flow is the
    frame's. A pixel can be traced where one layer makes up nearly all of it in both frames.
    """
    points = grid(size)
    before = [layer.coverage(points) for layer in layers]
    now = [layer.coverage(points + layer.flow) for layer in layers]
    before[0], now[0] = torch.ones_like(before[0]), torch.ones_like(now[0])
    shares_before, shares_now = compose(before), compose(now)
    previous = _mix(shares_before, [layer.color(points) for layer in layers])
    current = _mix(shares_now, [layer.color(points + layer.flow) for layer in layers])
    share, top = shares_now.max(0, keepdim=True)
    flow = torch.stack([layer.flow for layer in layers]).gather(0, top[:, None].expand(1, 2, -1, -1))
    # What covered the place that each visible point comes from?
    then = [layer.coverage(points + flow[0]) for layer in layers]
    then[0] = torch.ones_like(then[0])
    seen = compose(then).gather(0, top)
    whole = ((share > _WHOLE) & (seen > _WHOLE)).float()[None]
    mask = whole * inside_frame(flow) * (1 - _edges(top))
    return FramePairs(previous[None], current[None], flow, mask)


def _edges(top: Tensor) -> Tensor:
    """1 beside another layer, `(1, 1, H, W)`: the motion boundaries, known instead of guessed from the flow."""
    labels = top[None].float()
    highest = F.max_pool2d(labels, 3, 1, 1)
    lowest = -F.max_pool2d(-labels, 3, 1, 1)
    return (highest != lowest).float()


class Scenes:
    """A pair source that needs no data: a background and up to six things, seen by a moving camera.

    Few `canvases` are drawn sooner; each takes about as long as half a training step.
    """

    def __init__(self, canvases: int = _CANVASES) -> None:
        self._canvases = canvases

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """One pair of `size`² frames; light changes and camera noise come after the motion."""
        camera = random_flow(size, generator)
        layers = [_background(size, camera, self._canvases, generator)]
        things = _integer(generator, _MOST_LAYERS + 1)
        layers += [_thing(size, camera, self._canvases, generator) for _ in range(things)]
        pair = render(layers, size)
        lit = change_light(pair.previous[0], pair.current[0], generator)
        previous, current = camera_noise(*lit, generator)
        return FramePairs(previous[None], current[None], pair.flow, pair.mask)

    def examples(self) -> list[np.ndarray]:
        """A few frames to look at, uint8 `(256, 256, 3)`."""
        generator = torch.Generator().manual_seed(0)
        frames = [self.sample(256, generator).current[0] for _ in range(8)]
        return [(frame.permute(1, 2, 0) * 255).to(torch.uint8).numpy() for frame in frames]


def _integer(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (), generator=generator))


def _place(half: float, angle: float, x: float, y: float) -> Tensor:
    """The map from a frame's pixels to the square [-1, 1]² about x, y, `half` its side, turned."""
    cosine, sine = math.cos(angle) / half, math.sin(angle) / half
    return torch.tensor([[cosine, -sine, -cosine * x + sine * y], [sine, cosine, -sine * x - cosine * y]])


def _texture(half: float, canvases: int, generator: torch.Generator) -> Tensor:
    """A random canvas, reduced to the size at which it is seen: lenses do not alias."""
    return to_tensor(reduce_to(_canvas(_integer(generator, canvases)), max(8, round(2 * half))))


def _background(size: int, camera: Tensor, canvases: int, generator: torch.Generator) -> Layer:
    """A canvas seen so that 0.4 to 1.2 of its side fill the frame."""
    half = size / 2 / uniform(generator, 0.4, 1.2)
    reach = max(0.0, half - size / 2)
    x, y = uniform(generator, -reach, reach), uniform(generator, -reach, reach)
    place = _place(half, uniform(generator, -0.2, 0.2), x, y)
    return Layer(_texture(half, canvases, generator), torch.ones(1, 2, 2), place, camera)


def _thing(size: int, camera: Tensor, canvases: int, generator: torch.Generator) -> Layer:
    """A thing of a twelfth to all of the frame, anywhere in it, that moves by itself half of the time."""
    half = size * math.exp(uniform(generator, math.log(0.08), math.log(0.6)))
    x, y = (uniform(generator, -0.5, 0.5) * size for _ in range(2))
    place = _place(half, uniform(generator, -math.pi, math.pi), x, y)
    outline = to_tensor(reduce_to(_shape(_integer(generator, _SHAPES)), max(8, round(2 * half)))[..., None])
    texture = _texture(half, canvases, generator)
    return Layer(texture, outline, place, camera + _own_motion(size, x, y, generator))


def _own_motion(size: int, x: float, y: float, generator: torch.Generator) -> Tensor:
    """Flow `(2, size, size)` of a thing about its own middle."""
    if uniform(generator, 0, 1) < 0.5:
        return torch.zeros(2, size, size)
    strength = uniform(generator, 0, 1) ** 2
    relative = grid(size) - torch.tensor([x, y])[:, None, None]
    angle = uniform(generator, -1, 1) * _LARGEST_OWN_TURN * strength
    zoom = 1 + uniform(generator, -1, 1) * _LARGEST_OWN_ZOOM * strength
    direction = uniform(generator, 0, 2 * math.pi)
    reach = _LARGEST_OWN_SHIFT * size * strength
    shift = torch.tensor([reach * math.cos(direction), reach * math.sin(direction)])
    return turn(relative, angle, zoom) - relative + shift[:, None, None]
