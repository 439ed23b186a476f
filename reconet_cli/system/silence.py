"""For callers who want no reports."""


def silent(*_: object) -> None:
    """Report nothing."""
