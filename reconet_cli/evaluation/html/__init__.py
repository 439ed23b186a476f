"""Measures as one page of HTML that needs nothing else."""

from reconet_cli.evaluation.html.page import clip_page, truth_page

__all__ = ["clip_page", "truth_page"]
