"""A window on the screen: OpenCV's."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager, suppress

import cv2
import numpy as np

from reconet_cli.errors import MediaError

_TITLE = "reconet"
# Qt ends the whole process where there is no display, so another one tries first.
_TRIAL = "import cv2; cv2.namedWindow('reconet'); cv2.waitKey(1)"
_PATIENCE = 60  # seconds
# What OpenCV's window systems call the arrows: Qt and GTK, Windows, macOS.
_ARROWS = {
    65361: "left", 65362: "up", 65363: "right", 65364: "down",
    2424832: "left", 2490368: "up", 2555904: "right", 2621440: "down",
    63234: "left", 63232: "up", 63235: "right", 63233: "down",
}  # fmt: skip


class Display:
    """A trial, in another process, of whether windows can be opened; it runs while other things are prepared."""

    def __init__(self) -> None:
        self._trial: subprocess.Popen[bytes] | None = None
        self._works = False
        # Without DISPLAY there is nothing to try.
        if sys.platform != "linux" or os.environ.get("DISPLAY"):
            self._trial = subprocess.Popen(
                [sys.executable, "-c", _TRIAL],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip

    def check(self) -> None:
        """Raise MediaError where windows cannot be opened."""
        if self._works:
            return
        if self._trial is None:
            raise MediaError("there is no display to open a window on", "run it on a desktop, or set DISPLAY")
        try:
            _, said = self._trial.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            raise MediaError("the display does not answer", "is DISPLAY right?") from None
        if b"not implemented" in said:
            raise MediaError(
                "this OpenCV has no windows", "pip uninstall opencv-python-headless, pip install opencv-contrib-python"
            )
        if self._trial.returncode:
            raise MediaError("no window can be opened", "run it on a desktop, or check DISPLAY and its permissions")
        self._works = True

    def close(self) -> None:
        """End the trial, where nobody asked for its result."""
        if self._trial:
            self._trial.kill()
            self._trial.wait()
            if self._trial.stderr:
                self._trial.stderr.close()


class Window(AbstractContextManager["Window"]):
    """A window for pictures of (width, height); it may be made larger or smaller, and closed, at any time."""

    def __init__(self, size: tuple[int, int]) -> None:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(_TITLE, *size)

    def show(self, pixels: np.ndarray) -> None:
        """Show RGB uint8 (H, W, 3)."""
        cv2.imshow(_TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))

    def key(self) -> str | None:
        """A key that was pressed, as `Controls` know it; None where there is none."""
        code = cv2.waitKeyEx(1)
        if code < 0:
            return None
        return _ARROWS.get(code) or (chr(code & 0xFF) if code & 0xFF < 0x80 else None)

    @property
    def closed(self) -> bool:
        """True once somebody has closed it."""
        try:
            return bool(cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1)
        except cv2.error:
            return True

    def fill_screen(self, full: bool) -> None:
        """Switch to the full screen, or back."""
        cv2.setWindowProperty(_TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN if full else cv2.WINDOW_NORMAL)

    def __exit__(self, *error: object) -> None:
        with suppress(cv2.error):
            cv2.destroyAllWindows()
            cv2.waitKey(1)
