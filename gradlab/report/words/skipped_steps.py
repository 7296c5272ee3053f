"""What a loss scale made of a run's steps."""

from gradlab.config import row_names
from gradlab.report.words.values import counted
from gradlab.results.record import Skipped


def skipped_words(skipped: Skipped, named: row_names.Named) -> str:
    """What a loss scale made of the steps, in one line.

    >>> from gradlab.config.models import Model
    >>> skipped_words(Skipped(4, 0, 3), Model(depth=9, width=9, activation="relu"))
    'loss scale: 4 steps were skipped because a gradient overflowed, at step 0 for the first time, in layer 3'
    """
    if skipped.step is None:
        return "loss scale: no gradient overflowed, so no step was skipped"
    where = "no layer" if skipped.layer is None else row_names.named(named, skipped.layer)
    were = f"{counted(skipped.steps, 'step')} {'was' if skipped.steps == 1 else 'were'} skipped because a gradient overflowed"
    return f"loss scale: {were}, at step {skipped.step} for the first time, in {where}"
