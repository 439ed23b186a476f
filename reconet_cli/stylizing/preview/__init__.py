"""A sheet of a clip's moments in every style, with how long the whole clip would take."""

from reconet_cli.stylizing.preview.preview import Shown, preview

__all__ = ["Shown", "preview"]
