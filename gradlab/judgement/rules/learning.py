"""Not learning: the signal travels well, the units live, and still the loss stays where it was.

It is a diagnosis by exclusion, so it decides the verdict only where the rules before it could look.
"""

from gradlab.judgement import remedies
from gradlab.judgement.evidence import ENOUGH_EXAMPLES, Evidence, Progress
from gradlab.judgement.rules.depth import DECADES
from gradlab.judgement.wording import factor, percent
from gradlab.results.record import Finding

STUCK_SHARE = 0.1
"""Share of the loss, or of the way from chance to all right, below which nothing was learned: batch noise and the
readout's bias, which finds the frequencies of the classes, stay below it."""

FEWEST_STEPS = 100
"""Updates below which a loss that stays is no finding: at the usual ratio of 10^-3 so few move a weight by a tenth."""

STILL = 1e-3
"""Share of its weights by which the fastest layer could have moved in the whole run, up to which it stands still: then
even a short run can be judged."""

SMALL_UPDATE = 1e-4
"""Update ratio of the fastest layer below which the learning rate is the likely cause."""

LARGE_UPDATE = 1e-2
"""Update ratio of the fastest layer above which it is, from the other side."""


NOTED_DECADES = 1.0
"""Change of the signal across depth that is named as a likely cause though it is too small for a verdict of its
own."""


def not_learning(evidence: Evidence) -> list[Finding]:
    """The loss neither came down nor is on its way."""
    progress = evidence.progress
    if progress is None or _gained(progress):
        return []
    judged = _still(evidence) or (progress.steps >= FEWEST_STEPS and progress.examples >= ENOUGH_EXAMPLES)
    stuck = judged and not progress.improving
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


def _gained(progress: Progress) -> bool:
    """Whether something was learned: accuracy in training, or loss without an accuracy that is that of chance."""
    if progress.accuracy_gain is not None and progress.accuracy_gain >= STUCK_SHARE:
        return True
    return progress.share >= STUCK_SHARE


def _still(evidence: Evidence) -> bool:
    """Whether the weights cannot have moved, however short the run."""
    ratios, progress = evidence.update_ratios, evidence.progress
    if ratios is None or progress is None:
        return False
    return float(ratios.max()) * progress.steps < STILL


def _message(evidence: Evidence, progress: Progress, judged: bool) -> str:
    """What became of loss and accuracy, and how much moved."""
    said = [f"the loss {_change(progress.loss)} in {progress.steps} steps"]
    if progress.accuracy is not None:
        said.append(f"the accuracy is {percent(max(progress.accuracy, 0.0))} of the way from chance to all right")
    if not judged:
        return f"{', '.join(said)}: too few steps or examples to say whether it learns"
    if progress.improving:
        return f"{', '.join(said)}; it still improves, slowly"
    ratios = evidence.update_ratios
    if ratios is not None and _still(evidence):
        said.append(f"the hidden layers stand still: the largest update ratio is {ratios.max():.1g}")
    elif ratios is not None:
        moved = f"{ratios.max():.1g} of" if ratios.max() < 1 else "more than"
        said.append(f"the fastest hidden layer moves by {moved} its weights a step")
    if _travels(evidence):
        assert evidence.decades is not None
        said.append(f"the gradient signal changes by {evidence.decades[0]:+.1f} decades across depth")
    return ", ".join(said)


def _change(share: float) -> str:
    """What became of a loss.

    >>> _change(0.021), _change(-0.3), _change(-1e62)
    ('fell by 2 %', 'grew by 30 %', 'grew 1e+62-fold')
    """
    if share < -1:
        return f"grew {factor(1 - share)}-fold"
    return f"{'grew' if share < 0 else 'fell'} by {percent(abs(share))}"


def _travels(evidence: Evidence) -> bool:
    """Whether the signal changes across depth by enough to slow training down, though not by enough to decide."""
    return evidence.decades is not None and NOTED_DECADES <= abs(float(evidence.decades[0])) < DECADES


def _remedy(evidence: Evidence) -> str:
    """The learning rate where it is off, else a look at the data."""
    ratios = evidence.update_ratios
    if ratios is None:
        return "set record.quantities to default: the size of the updates would tell why"
    largest = float(ratios.max())
    if 0.0 < largest < SMALL_UPDATE or largest > LARGE_UPDATE:
        return remedies.learning_rate(evidence, largest)
    if _travels(evidence) or largest == 0.0:
        return remedies.initialisation(evidence)
    steps = 10 * (evidence.step(evidence.num_rows - 1) + 1)
    return f"updates are of a usual size: train for {steps} steps, and see whether the inputs tell the targets at all"
