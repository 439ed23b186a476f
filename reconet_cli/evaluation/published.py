"""What others measured on MPI Sintel at 640×360: the table of ReCoNet (arXiv 1807.01197, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

SCENES = ("alley_2", "ambush_5", "bandage_2", "market_6", "temple_2")
SIZE = (640, 360)


@dataclass(frozen=True)
class Published:
    """A method's temporal error on each of `SCENES`, and frames a second where they are told."""

    method: str
    errors: tuple[float, ...]
    rate: float | None


PUBLISHED = (
    Published("Chen et al. 2017", (0.0934, 0.1352, 0.0715, 0.1030, 0.1094), None),
    Published("ReCoNet 2018", (0.0846, 0.0819, 0.0662, 0.0862, 0.0831), 235),
    Published("Huang et al. 2017", (0.0439, 0.0675, 0.0304, 0.0553, 0.0513), 217),
    Published("Ruder et al. 2016", (0.0252, 0.0512, 0.0195, 0.0407, 0.0361), 0.8),
)
