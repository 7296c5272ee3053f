"""Not learning: the signal travels well, the units live, and still the loss stays where it was.

It is a diagnosis by exclusion, so it decides the verdict only where the rules before it could look. A run that has not learned is
`not_learning` where at its pace it would not within ten times its steps, and `undecided` where it would, or was too short to show a pace.
"""

import math

from gradlab.config.text import counted, rounded, signed
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.gains import Gains
from gradlab.judgement.learning_progress import LearningProgress
from gradlab.judgement.limits import ERRORS, FEWEST_STEPS, LONGER, STUCK_SHARE
from gradlab.judgement.remedies import starts, steps, structure
from gradlab.judgement.remedies.advice import Advice, change, default_quantities, either, resized
from gradlab.judgement.rules.rule import Rule
from gradlab.judgement.rules.symmetry import symmetry
from gradlab.judgement.wording import factor, percent
from gradlab.results.finding import Finding

SMALL_UPDATE = 1e-4
"""Update ratio of the fastest layer below which the learning rate is the likely cause."""

LARGE_UPDATE = 1e-2
"""Update ratio of the fastest layer above which it is, from the other side."""

FAR_ABOVE = 1.5
"""Times the constant answer's loss from which a loss is said as so many times it."""

ROOM = 1.5
"""Times the steps that the pace needs that are recommended: learning is shown where it is beyond chance, not as it sets in."""

SAME_ROWS = "all training rows have the same inputs: there is nothing in them to learn from"

REBUILDING = 1.0
"""Times its own weights that the fastest layer moved by in a run from which it had the steps to learn what a usual run learns."""


def not_learning(evidence: Evidence) -> list[Finding]:
    """The loss is not below the best constant answer's, or only by heart; whether it would be in time."""
    progress, how = evidence.progress, evidence.how_learned
    readout_alone = how is not None and evidence.only_readout_learns
    if readout_alone and progress is not None and progress.steps >= FEWEST_STEPS:
        return [_by_readout(evidence)]
    if not readout_alone:
        unconfirmed = how == "training" and evidence.gains is not None and evidence.gains.unconfirmed
        if how == "by heart" or unconfirmed:
            assert evidence.gains is not None
            return [by_heart(evidence.gains, evidence.step(evidence.num_rows - 1))]
        if how is not None:
            return []
    decided = evidence.stuck or evidence.same_rows
    advice = evidence.advice(_remedy if decided else _in_time)
    return [
        Finding(
            rule="not_learning" if decided else "undecided",
            severity="critical" if decided else "warning",
            layers=None,
            since_step=evidence.step(0),
            value=0.0 if progress is None else progress.share,
            limit=STUCK_SHARE,
            message=_message(evidence, progress) if decided else _undecided(evidence),
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]


def _by_readout(evidence: Evidence) -> Finding:
    ratios = evidence.update_ratios
    advice = Advice() if ratios is None else evidence.advice(steps.still, float(ratios.max()))
    return Finding(
        rule="not_learning",
        severity="critical",
        layers=(1, evidence.depth),
        since_step=evidence.step(0),
        value=0.0,
        limit=1.0,
        message="no hidden layer learns: all that was learned is the readout's, on features that are still those of the start",
        remedy=advice.sentence,
        remedies=advice.remedies,
    )


def by_heart(found: Gains, step: int) -> Finding:
    """That what was learned in training does not show on the held-out part, as of a step."""
    assert found.holdout is not None
    held = found.holdout
    return Finding(
        rule="by_heart",
        severity="note",
        layers=None,
        since_step=step,
        value=held.value,
        limit=ERRORS * held.error,
        message=f"learned by heart: {percent(found.share)} of the constant answer's loss is gone in training, and on the held-out part "
        f"the loss is {_beside(held.value, held.error)} that answer's: nothing shows that it holds for other examples",
        remedy="",
    )


def _beside(gain: float, error: float) -> str:
    return f"{rounded(abs(gain), 2)} ± {rounded(error, 1)} {'below' if gain > 0 else 'above'}"


def _in_time(evidence: Evidence) -> Advice:
    """What slows the signal down where it travels badly, larger steps where they are small, more of them else."""
    ratios = evidence.update_ratios
    longer = _longer(evidence)
    if evidence.travels and evidence.long_enough:
        return _remedy(evidence).or_else(longer)
    if ratios is None or not 0 < float(ratios.max()) < SMALL_UPDATE or evidence.progress is None:
        return longer
    return steps.still(evidence, float(ratios.max())).or_else(longer)


def _longer(evidence: Evidence) -> Advice:
    """More steps: as many as the pace needs, with room to show it, where there is a pace."""
    done = evidence.step(evidence.num_rows - 1) + 1
    needed = evidence.steps_in_time
    if needed is None:
        settings = resized(evidence.experiment, "train.steps", max(LONGER * done, FEWEST_STEPS))
        because = "ten times as many" if LONGER * done >= FEWEST_STEPS else "fewer do not show whether it learns"
        return change(settings, because, "{settings}, {because}")
    settings = resized(evidence.experiment, "train.steps", round_up(max(ROOM * needed, 2.0 * done, FEWEST_STEPS)))
    return change(settings, f"at this pace about {round_up(needed)} would show that it learns")


def round_up(steps: float) -> int:
    """To two digits.

    >>> round_up(301.0), round_up(20.0)
    (310, 20)
    """
    unit = int(10 ** max(0, math.floor(math.log10(steps)) - 1))
    return math.ceil(steps / unit) * unit


def _undecided(evidence: Evidence) -> str:
    told = unlearned(evidence)
    return told if evidence.progress is None else f"nothing wrong with the signal was seen, and {told}"


def unlearned(evidence: Evidence, pace: bool = True) -> str:
    """That a run has not learned yet, with the steps that its pace would take; without these where something is wrong with the signal."""
    progress = evidence.progress
    if progress is None:
        return "a single step was recorded, which does not show whether it learns"
    said = f"{counted(progress.steps + 1, 'step')} did not show that it learns: {_standing(evidence, progress)}"
    needed = evidence.steps_in_time
    if not pace:
        return said
    if needed is not None:
        return f"{said}; at this pace about {round_up(needed)} would"
    return said if evidence.on_its_way else f"{said}; they were too few to show a pace"


def _standing(evidence: Evidence, progress: LearningProgress) -> str:
    """Where the loss stands beside the best constant answer's."""
    found = evidence.gains
    if found is None:
        return f"the loss {_change(progress.fell)}"
    best = found.best
    if not math.isfinite(best.value) or found.constant <= 0:
        return f"the loss {_change(progress.fell)}"
    if not found.earned and best.value > 0:
        return f"the loss is {_beside(best.value, best.error)} that of the best answer without looking at the inputs, and was so at first"
    ratio = 1.0 - best.value / found.constant
    if ratio > FAR_ABOVE:
        return f"the loss is {factor(ratio)} times that of the best answer without looking at the inputs"
    own = rounded(found.constant, 3)
    return (
        f"the loss is {_beside(best.value, best.error)} that of the best answer without looking at the inputs ({own})"
    )


def _message(evidence: Evidence, progress: LearningProgress | None) -> str:
    if progress is None:  # of a single record, which is told of where all rows are the same
        return SAME_ROWS
    said = [f"the loss {_change(_fell(evidence, progress))} in {counted(progress.steps, 'step')}"]
    if evidence.gains is not None:
        said[0] += f": {_standing(evidence, progress).removeprefix('the loss is ')}"
    if progress.accuracy is not None:
        said.append(f"the accuracy is {percent(max(progress.accuracy, 0.0))} of the way from chance to all right")
    found = evidence.gains
    if found is not None and found.follows_targets is False:
        said.append("its outputs follow the targets no more than at the start")
    ratios = evidence.update_ratios
    if ratios is not None and evidence.still:
        said.append(f"the hidden layers stand still: the largest update ratio is {rounded(ratios.max(), 1)}")
    elif ratios is not None:
        moved = f"{rounded(ratios.max(), 1)} of" if ratios.max() < 1 else "more than"
        said.append(f"the fastest hidden layer moves by {moved} its weights a step")
    if evidence.travels:
        assert evidence.decades is not None
        said.append(f"the gradient signal changes by {signed(evidence.decades[0], 1)} decades across depth")
    there = _what_is_there(evidence)
    return ", ".join(said) + (f"; {there}" if there else "")


def _what_is_there(evidence: Evidence) -> str:
    """What a linear fit found that there is to learn; "" where none was tried."""
    data = evidence.record.data
    if data is None or data.probe is None:
        return ""
    line = data.probe
    if not line.finds and line.explained > line.error:
        seen = f"{rounded(line.explained, 2)} ± {rounded(line.error, 1)} of the targets' variance"
        return f"a linear fit cannot tell whether there is anything to learn ({seen})"
    if line.finds:
        return f"there is something to learn: a linear fit explains {percent(line.explained)} of the targets on rows that it has not seen"
    return "a linear fit finds nothing to learn either: the targets may have no relation to the inputs, or none that a line can show"


def _fell(evidence: Evidence, progress: LearningProgress) -> float:
    """Share of the first loss that is gone, on the same rows at both ends where they were assessed."""
    found = evidence.gains
    if found is None or found.course is None or not math.isfinite(found.course[0]):
        return progress.fell
    return (found.course[2] - found.course[0]) / (found.constant - found.course[0])


def _change(share: float) -> str:
    """What became of a loss.

    >>> _change(0.021), _change(-0.3), _change(-1e62)
    ('fell by 2 %', 'grew by 30 %', 'grew 10^62-fold')
    """
    if share < -1:
        return f"grew {factor(1 - share)}-fold"
    return f"{'grew' if share < 0 else 'fell'} by {percent(abs(share))}"


def _remedy(evidence: Evidence) -> Advice:
    """The size of the steps where it is off, then more of them; what was wrong before the first step comes before (`verdict`)."""
    if evidence.same_rows:
        return Advice(SAME_ROWS)
    if evidence.record.input_mean_square == 0.0 and evidence.record.data is None:
        return Advice("all inputs are the same in every training row: there is nothing in them to learn from")
    if evidence.record.copied_layers is None and starts.begins_alike(evidence.experiment.model):
        return starts.different_units(evidence)  # nobody looked whether they still are copies
    return _steps(evidence)


def _steps(evidence: Evidence) -> Advice:
    ratios = evidence.update_ratios
    if ratios is None:
        usual = default_quantities(evidence.experiment)
        return change(usual, "the size of the updates would tell why")
    largest = float(ratios.max())
    if evidence.travels and largest <= LARGE_UPDATE:
        mended = starts.initialisation(evidence, anyway=True)
        if mended:
            return mended
    if largest < SMALL_UPDATE or steps.rounded_away(evidence, largest):
        return steps.still(evidence, largest)
    if largest > LARGE_UPDATE:
        return steps.learning_rate(evidence, largest)
    adaptive, skip = steps.adaptive(evidence), structure.skip_when_deep(evidence)
    longer = resized(evidence.experiment, "train.steps", LONGER * (evidence.step(evidence.num_rows - 1) + 1))
    more = change(longer, "updates are of a usual size", "{settings} ({because})")
    data = evidence.record.data
    if data is not None and data.probe is not None and data.probe.finds:
        return either((adaptive, more, skip))
    if (
        data is not None
        and data.probe is not None
        and largest * (evidence.step(evidence.num_rows - 1) + 1) >= REBUILDING
    ):
        nothing = Advice(
            "nothing to learn was found, by these steps or by a line: see first whether the targets belong to these inputs"
        )
        return nothing.or_else(adaptive, "; where only a curve tells them, ") if adaptive else nothing
    return more.along_with(Advice("see whether the inputs tell the targets at all"), ", and ")


RULES = (Rule("not_learning", symmetry), Rule("not_learning", not_learning))
