"""What keys do: which style is seen, how much of it, and what else is asked for."""

from __future__ import annotations

from dataclasses import dataclass

_STEP = 0.1  # of the strength
HELP = "n/p style   +/- strength   o original   f full screen   s still   h help   q quit"


@dataclass
class Controls:
    """What the window shows; `press` changes it.

    `style` is the number of one of so many `styles`, `strength` the share of the painting in [0, 1]. `still` is set
    until somebody has saved one.
    """

    styles: int
    style: int = 0
    strength: float = 1.0
    original: bool = False
    full_screen: bool = False
    help: bool = True
    still: bool = False
    ended: bool = False

    def press(self, key: str) -> None:
        """React to a key: a character, or `left`, `right`, `up` or `down`. Others do nothing."""
        match key:
            case "n" | " " | "right":
                self._choose(self.style + 1)
            case "p" | "left":
                self._choose(self.style - 1)
            case "+" | "=" | "up":
                self._strengthen(_STEP)
            case "-" | "down":
                self._strengthen(-_STEP)
            case "o":
                self.original = not self.original
            case "f":
                self.full_screen = not self.full_screen
            case "h":
                self.help = not self.help
            case "s":
                self.still = True
            case "q" | "Q" | "\x1b":
                self.ended = True

    def _choose(self, style: int) -> None:
        self.style, self.original = style % self.styles, False

    def _strengthen(self, change: float) -> None:
        self.strength, self.original = min(1.0, max(0.0, round(self.strength + change, 2))), False
