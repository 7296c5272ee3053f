"""Not learning: the signal travels well, the units live, and still the loss stays where it was.

It is a diagnosis by exclusion, so it decides the verdict only where the rules before it could look.
"""

from gradlab.judgement import remedies
from gradlab.judgement.evidence import Evidence, Progress
from gradlab.results.record import Finding

STUCK_SHARE = 0.1
"""Share of the loss, or of the way from chance to all right, below which nothing was learned: batch noise and the
readout's bias, which finds the frequencies of the classes, stay below it."""

FEWEST_STEPS = 20
"""Updates below which nothing can be said: at the usual ratio of 10^-3 so few of them move a weight by at most 2 %."""

SMALL_UPDATE = 1e-4
"""Update ratio of the fastest layer below which the learning rate is the likely cause."""

LARGE_UPDATE = 1e-2
"""Update ratio of the fastest layer above which it is, from the other side."""


def not_learning(evidence: Evidence) -> list[Finding]:
    """The loss neither came down nor is on its way."""
    progress = evidence.progress
    if progress is None or progress.share >= STUCK_SHARE:
        return []
    judged = progress.steps >= FEWEST_STEPS
    stuck = judged and not progress.falling
    return [
        Finding(
            rule="not_learning",
            severity="critical" if stuck else "note",
            layers=None,
            since_step=evidence.step(0),
            value=progress.share,
            limit=STUCK_SHARE,
            message=_message(evidence, progress, judged),
            remedy=_remedy(evidence) if stuck else "train for longer (train.steps)",
        )
    ]


def _message(evidence: Evidence, progress: Progress, judged: bool) -> str:
    """What became of loss and accuracy, and how much moved."""
    change = "grew" if progress.loss < 0 else "fell"
    said = f"the loss {change} by {abs(progress.loss):.1%} in {progress.steps} steps".replace("%", " %")
    if progress.accuracy is not None:
        said += f", the accuracy covers {max(progress.accuracy, 0):.0%} of the way from chance to all right".replace(
            "%", " %"
        )
    if not judged:
        return f"{said}: too few steps to say whether it learns"
    if progress.falling:
        return f"{said}, and is still falling: it learns slowly"
    ratios = evidence.update_ratios
    if ratios is None:
        return said
    if evidence.learning_layers == 0:
        return f"{said}; no hidden layer learns, the largest update ratio is {ratios.max():.1g}"
    return f"{said}; the fastest hidden layer moves by {ratios.max():.1g} of its weights a step"


def _remedy(evidence: Evidence) -> str:
    """The learning rate where it is off, else a look at the data."""
    ratios = evidence.update_ratios
    largest = 0.0 if ratios is None else float(ratios.max())
    if 0.0 < largest < SMALL_UPDATE or largest > LARGE_UPDATE:
        return remedies.learning_rate(evidence, largest)
    if ratios is not None and largest == 0.0:
        return remedies.initialisation(evidence)
    steps = 10 * (evidence.step(evidence.num_rows - 1) + 1)
    return f"updates are of a usual size: train for {steps} steps, and see whether the inputs tell the targets at all"
