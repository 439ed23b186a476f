"""Whole clips through the evaluator, without files."""

from reconet_cli.evaluation.clip import Evaluation, Evaluator
from reconet_cli.evaluation.evaluate import together


def evaluate(source, painted: dict, **options) -> Evaluation:
    """Measures of painted clips, paired with the source by their frames' index."""
    evaluator = Evaluator(list(painted), **options)
    for frame, paintings in together(source, painted):
        evaluator.add(frame, paintings)
    return evaluator.result
