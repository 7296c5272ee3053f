"""Not learning and undecided: a loss of somebody's own module that stays where it was, while nothing is wrong with the signal.

Only where a loss was logged. Where the loss of the best constant answer is not known, all that can be said is whether it falls, and that
is said too.
"""

from gradlab.config.text import counted, rounded
from gradlab.judgement.limits import STUCK_SHARE
from gradlab.judgement.modules import remedies
from gradlab.judgement.modules.evidence import ModuleEvidence, saw_gradients
from gradlab.judgement.remedies.advice import Advice
from gradlab.judgement.rules.learning import by_heart, round_up
from gradlab.judgement.wording import percent
from gradlab.results.finding import Finding

CHANCE_UNKNOWN = "the loss of the best answer without looking at the inputs is not known (chance_loss), so this rests on whether it falls"

NO_GRADIENT_REMEDY = (
    "loss.backward() before optimizer.step(), of a loss that comes from this model and is not detached, as loss.item() or "
    "torch.no_grad() have it"
)

GROWN = 1.5
"""Multiple of the first loss from which a loss is said as so many times it."""


def not_learning(evidence: ModuleEvidence) -> list[Finding]:
    """The loss is not below the best constant answer's or, where that is not known, does not fall."""
    course = evidence.progress
    found = evidence.gains
    if course is None:
        return []
    if found is not None and (found.how == "by heart" or (found.how == "training" and found.unconfirmed)):
        return [by_heart(found, evidence.last_step)]
    if evidence.gained:
        return []
    decided = evidence.long_enough and not evidence.on_its_way and not _fell_at_first(evidence)
    advice = remedies.of_learning(evidence) if decided else remedies.in_time(evidence)
    message = told(evidence) if decided else f"nothing wrong with the signal was seen, and {undecided(evidence)}"
    if not saw_gradients(evidence.record):
        advice = Advice(NO_GRADIENT_REMEDY)
        message = f"no gradient came to any row: {told(evidence) if decided else undecided(evidence)}"
    return [
        Finding(
            rule="not_learning" if decided else "undecided",
            severity="critical" if decided else "warning",
            layers=None,
            since_step=evidence.step(0),
            value=course.share,
            limit=STUCK_SHARE,
            message=message,
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _fell_at_first(evidence: ModuleEvidence) -> bool:
    """Whether the loss fell by a tenth and then stayed, without anybody knowing whether that is a readout's bias alone."""
    course = evidence.progress
    return not evidence.chance_known and course is not None and course.fell >= STUCK_SHARE


def undecided(evidence: ModuleEvidence) -> str:
    """That a run has not learned yet, as a clause."""
    course = evidence.progress
    assert course is not None
    said = f"{counted(evidence.num_steps, 'step')} did not show that it learns: {_standing(evidence)}"
    if evidence.steps_in_time is not None:
        return f"{said}; at this pace about {round_up(evidence.steps_in_time)} would"
    if _fell_at_first(evidence):
        return f"{said} at first and stays since; {CHANCE_UNKNOWN}"
    return said if evidence.chance_known else f"{said}; {CHANCE_UNKNOWN}"


def told(evidence: ModuleEvidence) -> str:
    """What shows that a run does not learn."""
    course, largest = evidence.progress, evidence.largest_ratio
    assert course is not None
    said = [f"in {counted(evidence.num_steps, 'step')} {_standing(evidence)}"]
    if course.accuracy is not None:
        said.append(f"the accuracy is {percent(max(course.accuracy, 0.0))} of the way from chance to all right")
    if largest is not None and evidence.still:
        said.append(f"the rows stand still: the largest update ratio is {rounded(largest, 1)}")
    elif largest is not None:
        moved = f"{rounded(largest, 1)} of" if largest < 1 else "more than"
        said.append(f"the fastest row moves by {moved} its weights a step")
    return ", ".join(said) + ("" if evidence.chance_known else f"; {CHANCE_UNKNOWN}")


def _standing(evidence: ModuleEvidence) -> str:
    """What became of the loss, beside the best constant answer's where that is known."""
    course, found = evidence.progress, evidence.gains
    assert course is not None
    if course.fell < 1.0 - GROWN:
        changed = f"the loss grew to {rounded(1.0 - course.fell, 3)} times what it was"
    else:
        changed = f"the loss {'grew' if course.fell < 0 else 'fell'} by {percent(abs(course.fell))}"
    if found is None or not found.constant > 0 or evidence.loss is None:
        return changed
    now = f"{changed} and is {rounded(found.constant - found.training.value, 3)}"
    return f"{now}, where the best answer without looking at the inputs has {rounded(found.constant, 3)}"
