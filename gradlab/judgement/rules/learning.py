"""Not learning: the signal travels well, the units live, and still the loss stays where it was.

It is a diagnosis by exclusion, so it decides the verdict only where the rules before it could look.
"""

from gradlab.judgement.evidence import Evidence
from gradlab.judgement.learning_progress import STUCK_SHARE, LearningProgress
from gradlab.judgement.remedies import starts, steps
from gradlab.judgement.remedies.advice import Advice, change, default_quantities, resized
from gradlab.judgement.rules.depth import DECADES
from gradlab.judgement.rules.rule import Rule
from gradlab.judgement.wording import factor, percent
from gradlab.results.record import Finding

SMALL_UPDATE = 1e-4
"""Update ratio of the fastest layer below which the learning rate is the likely cause."""

LARGE_UPDATE = 1e-2
"""Update ratio of the fastest layer above which it is, from the other side."""


ALIKE = 0.9999
"""Cosine between the inputs of different examples from which they are all the same."""

NOTED_DECADES = 1.0
"""Change of the signal across depth that is named as a likely cause though it is too small for a verdict of its
own."""


def not_learning(evidence: Evidence) -> list[Finding]:
    """The loss neither came down nor is on its way."""
    progress = evidence.progress
    if progress is None or progress.gained:
        return []
    advice = _remedy(evidence) if evidence.stuck else _longer(evidence, "ten times as many", "{settings}, {because}")
    return [
        Finding(
            rule="not_learning",
            severity="critical" if evidence.stuck else "note",
            layers=None,
            since_step=evidence.step(0),
            value=progress.share,
            limit=STUCK_SHARE,
            message=_message(evidence, progress),
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _longer(evidence: Evidence, because: str, said: str) -> Advice:
    longer = 10 * (evidence.step(evidence.num_rows - 1) + 1)
    return change(resized(evidence.experiment, "train.steps", longer), because, said)


def _message(evidence: Evidence, progress: LearningProgress) -> str:
    said = [f"the loss {_change(progress.fell)} in {progress.steps} steps"]
    if progress.constant is not None and progress.constant > 1.0 - STUCK_SHARE:
        said.append(f"and is {factor(progress.constant)} times that of the best answer without looking at the inputs")
    if progress.accuracy is not None:
        said.append(f"the accuracy is {percent(max(progress.accuracy, 0.0))} of the way from chance to all right")
    if not evidence.long_enough:
        return f"{', '.join(said)}: too few steps or examples to say whether it learns"
    if progress.improving:
        return f"{', '.join(said)}; it still improves, slowly"
    ratios = evidence.update_ratios
    if ratios is not None and evidence.still:
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


def _remedy(evidence: Evidence) -> Advice:
    """The size of the steps where it is off, else a look at the data."""
    ratios = evidence.update_ratios
    if ratios is None:
        usual = default_quantities(evidence.experiment)
        return change(usual, "the size of the updates would tell why")
    largest = float(ratios.max())
    if _alike(evidence):
        return Advice("the inputs of all examples are alike: look at the data, nothing else can help")
    if largest < SMALL_UPDATE or steps.rounded_away(evidence, largest):
        return steps.still(evidence, largest)
    if largest > LARGE_UPDATE:
        return steps.learning_rate(evidence, largest)
    if _travels(evidence):
        return starts.initialisation(evidence, anyway=True)
    said = "{settings} ({because}), and see whether the inputs tell the targets at all"
    return _longer(evidence, "updates are of a usual size", said)


def _alike(evidence: Evidence) -> bool:
    """Whether the inputs are the same in every example."""
    correlation = evidence.record.input_correlation
    return evidence.record.input_mean_square == 0.0 or (correlation is not None and correlation > ALIKE)


RULES = (Rule("not_learning", not_learning),)
