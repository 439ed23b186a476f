"""Working in a current folder that somebody has deleted."""

from __future__ import annotations

import os


def is_gone() -> bool:
    """Whether there is no current folder any more."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def settle_in_a_gone_folder() -> None:
    """Load PyTorch's mathematics (MKL) from elsewhere, at the beginning of a program, where the folder is gone.

    MKL asks for the current folder when it is used first, and ends the process where there is none.
    """
    if not is_gone():
        return
    gone = os.open(os.curdir, os.O_RDONLY)
    try:
        os.chdir(os.sep)
        import torch

        torch.ones(2, 2).mm(torch.ones(2, 2))
    finally:
        # Back again: relative names are to lead nowhere, and not to somebody's files.
        os.fchdir(gone)
        os.close(gone)
