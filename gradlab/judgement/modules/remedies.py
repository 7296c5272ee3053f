"""What to do about somebody's own module: in words, and as settings where the experiment has them.

A watched run has no settings, and nobody but its author can change the module; so a remedy names the rows that it is about, and what is
known of their kinds decides what is advised. Each is given only where it can be the cause.
"""

import math
from typing import Any, Literal

import numpy as np

from gradlab.config import row_names
from gradlab.config.experiment import Data
from gradlab.config.modules import ModuleExperiment, OwnExperiment
from gradlab.judgement import figures
from gradlab.judgement.limits import DECADES, FEWEST_STEPS, STEADY_FIT
from gradlab.judgement.modules import starts
from gradlab.judgement.modules.chains import Chain
from gradlab.judgement.modules.evidence import ModuleEvidence
from gradlab.judgement.remedies.advice import Advice, change, digits, either
from gradlab.judgement.remedies.scale import scale_fault, standardised
from gradlab.judgement.remedies.steps import HEALTHY_UPDATE
from gradlab.judgement.rules.learning import LARGE_UPDATE, ROOM, SMALL_UPDATE, round_up
from gradlab.judgement.wording import multiple, of_weights
from gradlab.results.record import Bool

LEAST_CUT, MOST_RAISED = 1e-3, 1e4
"""Smallest and largest factor of a learning rate that is advised."""

CLIPPED_RATE = 0.5
"""Largest learning rate at which clipping to a norm of 1 is advised: such a step moves the weights by as much in all, ..."""

CLIPPED_ADAPTIVE_RATE = 0.01
"""... and where each entry of it is divided by its own size, by that for each."""

_ADAPTIVE = ("ada", "rmsprop", "lion", "lamb")

XAVIER_ROOM = 1.1
"""Times the norm of Xavier's weights up to which a row's are of that size, whatever the draw."""

_RECURRENT = ("RNN", "LSTM", "GRU")
_ATTENTION = ("Attention", "Transformer")


def of_depth(
    evidence: ModuleEvidence,
    chain: Chain,
    concerned: tuple[int, ...],
    rule: Literal["vanishing", "exploding"],
    later: bool,
) -> Advice:
    """What to do about a signal that is lost or grows along a chain.

    Args:
        evidence: The run.
        chain: The chain.
        concerned: Rows of it that are beyond the limit.
        rule: Which of both.
        later: Whether it came in training, so that the start is not to blame.
    """
    if later:
        return slower(evidence.experiment, evidence.largest_ratio).or_else(clipped(evidence.experiment), "; or ")
    where = _where(evidence, concerned)
    ways = [_activation(evidence, concerned), _gain(evidence, chain, rule)] if rule == "vanishing" else []
    if rule == "exploding" and chain.blocks:
        n = len(chain.rows)
        ways = [
            Advice(
                f"branches that begin small: zeros in the last layer of each block, or a factor of 1/√{n} on each branch"
            )
        ]
    elif rule == "exploding":
        ways = [_gain(evidence, chain, rule)]
    normalised = _has_kind(evidence, concerned, ("Norm",))
    if chain.blocks and normalised and rule == "exploding":
        ways.append(Advice("the normalisation inside of each branch, before its first layer"))
    elif normalised:
        ways.append(Advice(f"a skip connection around {where}"))
    elif rule == "exploding" and chain.blocks:
        ways.append(Advice(f"a normalisation in {where}"))
    else:
        ways.append(_bounded(evidence, chain, concerned, rule))
    return either(ways)


def _bounded(evidence: ModuleEvidence, chain: Chain, concerned: tuple[int, ...], rule: str) -> Advice:
    """Normalisation or skip connections, which keep the signal whatever the weights are.

    One over units keeps the slope that the units have, of Sigmoid a quarter; one over the batch has a growth of its own in each row, so
    that of many it is not enough; and a sum of whole branches grows with their number.
    """
    where, n = _where(evidence, concerned), len(chain.rows)
    enough = starts.batch_normalised(evidence, concerned, _inside(evidence, concerned))
    if enough and rule == "exploding":
        return Advice(f"a normalisation in {where}")
    if enough:
        return Advice(
            f"batch normalisation in {where}, or a skip connection around each of them with a factor of 1/√{n} on its branch"
        )
    normalised = " and a normalisation in it" if rule == "exploding" else ""
    return Advice(f"a skip connection around each of {where}, with a factor of 1/√{n} on its branch{normalised}")


def _gain(evidence: ModuleEvidence, chain: Chain, rule: str) -> Advice:
    """Weights of another size at the start, where every row changes the signal by the same factor."""
    if (
        chain.blocks
        or _has_kind(evidence, chain.rows, ("Norm",))
        or starts.seen_activation(evidence, chain.rows) == "Sigmoid"
    ):
        return Advice()
    rows, profile = chain.profile(evidence.start)
    slope, fit = figures.slope_towards_input(profile) if len(profile) > 2 else (None, None)
    if slope is None or fit is None or fit < STEADY_FIT or slope == 0.0 or (slope > 0) != (rule == "exploding"):
        return Advice()
    return starts.weights(evidence, rows, _where(evidence, rows), slope)


def _activation(evidence: ModuleEvidence, concerned: tuple[int, ...]) -> Advice:
    """Another activation where sigmoids take three quarters of the signal each."""
    if starts.seen_activation(evidence, _inside(evidence, concerned)) != "Sigmoid":
        return Advice()
    return Advice("ReLU, with He's start, in the place of Sigmoid, whose slope is 1/4 at most")


def of_time(evidence: ModuleEvidence, row: int, rule: Literal["vanishing", "exploding"]) -> Advice:
    """What to do about a signal that is lost or grows from call to call."""
    kind, name = evidence.rows.kinds[row], evidence.names[row]
    if rule == "exploding":
        smaller = Advice(f"orthogonal recurrent weights of gain 1 in {name}")
        return smaller.along_with(clipped(evidence.experiment), ", and ")
    if "LSTM" in kind:
        return Advice(
            f"a forget gate's bias of 1 or more at the start of {name} (its two biases add), so that its cell keeps what it has"
        )
    if "GRU" in kind:
        return Advice(
            f"an update gate's bias of 1 to 2 at the start of {name} (in torch it keeps the state), so that it keeps what it has"
        )
    return Advice(
        f"orthogonal recurrent weights of gain 1 in {name}; or an LSTM with a forget gate's bias of 1, or a GRU, in its place"
    )


def of_units(evidence: ModuleEvidence, rule: Literal["dead", "saturated"], rows: Bool, from_first: bool) -> Advice:
    """What to do about dead or saturated rows: their start where they began so, the step where training did it."""
    where = _where(evidence, tuple(np.flatnonzero(rows).tolist()))
    if not from_first:
        smaller = slower(evidence.experiment, _largest_so_far(evidence))
        return smaller if rule == "saturated" else smaller.or_else(Advice("LeakyReLU in the place of ReLU"))
    scale = _scale(evidence)
    if rule == "dead":
        told = Advice(f"biases that begin at 0 and weights of He's start in {where}; or LeakyReLU in the place of ReLU")
    elif _as_small_as_xavier(evidence, rows):
        told = Advice(f"a normalisation before the activations of {where}: its weights begin no larger than Xavier's")
    else:
        told = Advice(
            f"smaller weights at the start of {where}, such as Xavier's; or a normalisation before the activation"
        )
    return scale.or_else(told) if scale else told


def _as_small_as_xavier(evidence: ModuleEvidence, rows: Bool) -> bool:
    """Whether most of some rows begin with weights of Xavier's size or below, so that what they read is what is too large."""
    norms, record = evidence.quantity("weight_norm"), evidence.record
    known = rows & (record.fan_in > 0) & (record.fan_out > 0)
    if norms is None or not evidence.from_start or not known.any():
        return False
    usual = np.sqrt(2.0 * evidence.rows.weights[known] / (record.fan_in + record.fan_out)[known])
    return bool(np.mean(norms[0, known] <= XAVIER_ROOM * usual) > 0.5)


def of_divergence(own: OwnExperiment, evidence: ModuleEvidence | None) -> Advice:
    """What to do about a run that diverged: the start where the signal explodes there, the size of the steps else."""
    if evidence is None:
        told = "not even the first pass is finite: look for infinite or missing inputs, a division by zero, the log of a zero"
        return Advice(told)
    grows = [chain for chain in evidence.chains if float(np.nan_to_num(chain.decades[evidence.start])) >= DECADES]
    scale = _scale(evidence)
    slow = slower(own, _largest_so_far(evidence))
    if evidence.from_start and grows:
        worst = max(grows, key=lambda chain: float(chain.decades[evidence.start]))
        start = of_depth(evidence, worst, worst.rows, "exploding", later=False)
        largest = _largest_so_far(evidence)
        enough = (
            largest is None or largest * LEAST_CUT <= HEALTHY_UPDATE
        )  # no rate that is advised is small enough for more
        return either([scale, start, slow] if enough else [scale, start])
    if any(kind.startswith(_RECURRENT) for kind in evidence.rows.kinds):
        return either([scale, clipped(own), slow])
    return either([scale, slow, clipped(own)])


def of_learning(evidence: ModuleEvidence) -> Advice:
    """What to do about a loss that stays: the size of the steps where it is off, else what to look at."""
    largest, own, scale = evidence.largest_ratio, evidence.experiment, _scale(evidence)
    zeros = _zeros(evidence)
    if zeros:
        where = _where(evidence, zeros)
        return Advice(
            f"weights that begin apart from one another: those of {where} are all 0, so that its units stay copies"
        )
    if largest is None:
        return either([scale, Advice("record log10_update_ratio: the size of the updates would tell why")])
    if largest == 0.0:
        told = "no row moves at all: see whether the optimizer has these parameters, whether they are frozen, and whether the rate is 0"
        return Advice(told)
    if largest < SMALL_UPDATE:
        return either([scale, faster(own, largest)])
    if largest > LARGE_UPDATE:
        return either([scale, slower(own, largest), _warmed_up(evidence)])
    look = Advice(
        "updates are of a usual size: see whether the targets belong to the inputs, as after a shuffle of one of them, and whether the "
        "loss takes what the network gives: cross-entropy takes logits, before any softmax"
    )
    return either([scale, look, _warmed_up(evidence), in_time(evidence)])


def _zeros(evidence: ModuleEvidence) -> tuple[int, ...]:
    """Rows of which every weight is 0 at the first record, where most are such."""
    norms = evidence.quantity("weight_norm")
    if norms is None or not evidence.from_start:
        return ()
    hidden = np.flatnonzero(evidence.matrices)
    found = tuple(row for row in hidden.tolist() if norms[0, row] == 0.0)
    return found if 2 * len(found) > len(hidden) else ()


def in_time(evidence: ModuleEvidence) -> Advice:
    """What to do about a run that has not learned yet."""
    largest, own = evidence.largest_ratio, evidence.experiment
    done = evidence.last_step + 1
    if isinstance(own, ModuleExperiment):
        needed = evidence.steps_in_time
        steps = max(10 * done, 100) if needed is None else round_up(max(ROOM * needed, 2.0 * done, 100.0))
        settings: dict[str, Any] = {"train.steps": steps} | ({} if own.train.epochs is None else {"train.epochs": None})
        longer = change(settings, "fewer do not show whether it learns", "{settings}, {because}")
    else:
        longer = Advice(f"more steps: {done} do not show whether it learns")
        if not evidence.chance_known and done >= FEWEST_STEPS:
            longer = longer.or_else(
                Advice("chance_loss, the loss of the best answer without looking at the inputs, tells more")
            )
    if largest is not None and 0.0 < largest < SMALL_UPDATE:
        return faster(own, largest).or_else(longer)
    return longer


def slower(own: OwnExperiment, ratio: float | None) -> Advice:
    """A smaller learning rate, by what brings an update ratio to a usual one where it is known and larger, else by ten."""
    part = 0.1 if ratio is None or ratio <= 10 * HEALTHY_UPDATE else max(HEALTHY_UPDATE / ratio, LEAST_CUT)
    return _rate(own, part, f"{multiple(1 / part)} times smaller")


def faster(own: OwnExperiment, ratio: float) -> Advice:
    """A larger learning rate, by what brings an update ratio to a usual one."""
    part = min(HEALTHY_UPDATE / ratio, MOST_RAISED)
    return _rate(
        own,
        part,
        f"{multiple(part)} times larger: the fastest row moves by {of_weights(ratio)} a step, where 1e-3 is usual",
    )


def clipped(own: OwnExperiment) -> Advice:
    """A bound on the gradient's norm, at rates at which a step of that norm is not too large by itself."""
    told = "it bounds the l2 norm of the whole gradient"
    optimizer, rate = _optimizer(own), own.train.lr
    if rate is not None and rate > (
        CLIPPED_RATE if not any(kind in optimizer for kind in _ADAPTIVE) else CLIPPED_ADAPTIVE_RATE
    ):
        return Advice()
    if isinstance(own, ModuleExperiment):
        return Advice() if own.train.clip_norm == 1 else change({"train.clip_norm": 1}, told, "{settings}")
    return Advice("gradients clipped to a norm of 1 before the step")


def _optimizer(own: OwnExperiment) -> str:
    """What the optimizer is called, in small letters; "" where that is not known."""
    told = own.train.optimizer
    return str(getattr(told, "name", told) or "").lower()


def _rate(own: OwnExperiment, part: float, how: str) -> Advice:
    if isinstance(own, ModuleExperiment):
        return change({"train.lr": digits(own.train.lr * part)}, how, "{settings}, {because}")
    rate = own.train.lr
    return Advice(f"a learning rate {how}" if rate is None else f"a learning rate of {digits(rate * part):g}, {how}")


def _warmed_up(evidence: ModuleEvidence) -> Advice:
    """For transformers, whose first steps at a full rate can undo their start."""
    if not any(word in kind for kind in evidence.rows.kinds for word in _ATTENTION):
        return Advice()
    return Advice(
        "a warm-up of the learning rate, or the normalisation before attention and feed-forward instead of after the sum"
    )


def _scale(evidence: ModuleEvidence) -> Advice:
    """Standardised data, where gradlab loads them and they are of an unusual size."""
    own = evidence.experiment
    if not isinstance(own, ModuleExperiment) or not isinstance(own.data, Data):
        return Advice()
    fault = scale_fault(own, evidence.record)
    return Advice() if fault is None else standardised(fault)


def _where(evidence: ModuleEvidence, rows: tuple[int, ...]) -> str:
    names = tuple(evidence.names[row] for row in rows)
    return row_names.span(names, 1, len(names))


def _inside(evidence: ModuleEvidence, rows: tuple[int, ...]) -> tuple[int, ...]:
    """Some rows and the members of those that are blocks; where none is one, all that is used between the first and the last of them."""
    found = [at for row in rows for at in range(len(evidence.names)) if evidence.within(at, row)]
    if "block" not in (evidence.rows.kinds[row] for row in rows):
        found += range(min(rows), max(rows) + 1)
    return tuple(dict.fromkeys(found))


def _has_kind(evidence: ModuleEvidence, rows: tuple[int, ...], words: tuple[str, ...]) -> bool:
    return any(word in evidence.rows.kinds[row] for row in _inside(evidence, rows) for word in words)


def _largest_so_far(evidence: ModuleEvidence) -> float | None:
    ratios = evidence.quantity("log10_update_ratio")
    if ratios is None or not evidence.matrices.any():
        return None
    own = ratios[:, evidence.matrices]
    return float(10.0 ** min(300.0, float(np.max(own[np.isfinite(own)], initial=-math.inf))))
