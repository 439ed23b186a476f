"""What can go wrong in a way that a user can do something about."""

from __future__ import annotations


class ReconetError(Exception):
    """Base class of all errors. The command line shows each as one line.

    `message` says what is wrong and with what; `hint` says what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class MediaError(ReconetError):
    """A file, stream or ffmpeg process cannot be read or written."""


class StyleError(ReconetError):
    """A style or weights file is missing, damaged or of a foreign kind."""


class EngineError(ReconetError):
    """A backend or device is missing or refuses the network."""


class TrainingError(ReconetError):
    """Training data, settings or checkpoints do not fit together."""


class FlowError(ReconetError):
    """Frames, flow files, flow data sets or estimators do not fit together, or are damaged or missing."""


class EvaluationError(ReconetError):
    """Clips that are to be measured do not fit together, or a report cannot be written."""


class ExportError(ReconetError):
    """An exported file cannot be written, or paints another picture than the network it was made from."""
