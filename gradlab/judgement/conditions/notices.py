"""What is to be said of conditions before they are judged: those that no run could answer otherwise."""

import math
from collections.abc import Iterable, Sequence

from gradlab.config.condition import ConditionError, in_own_words, parse
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.logic import Condition, Figure, Layers
from gradlab.config.modules import AnyExperiment
from gradlab.config.ranges import Range, range_notices, range_of
from gradlab.config.sweeps.gates import Counted, Gate, Reduced, parse_gate
from gradlab.judgement.conditions.listed import listed_names


def where_notices(where: str) -> list[str]:
    """Of a `--where`; nothing of one that cannot be read, which is told where it is asked."""
    names = run_names() | listed_names()
    try:
        own, understood = in_own_words(where, names)
    except ConditionError:
        return []
    condition = parse(own, names)
    return [
        *understood,
        *range_notices(condition, own_loss=True),
    ]  # of runs that are not read yet, watched ones among them


def expectation_notices(experiments: Iterable[AnyExperiment]) -> list[str]:
    """Of what configs expect of their runs, each once."""
    each = dict.fromkeys((experiment.expect, isinstance(experiment, Experiment)) for experiment in experiments)
    asked = dict.fromkeys((text, own) for texts, own in each for text in texts)
    found = [notice for text, own in asked for notice in range_notices(parse(text, run_names()), own_loss=not own)]
    return list(dict.fromkeys(found))


def sweep_notices(gates: Sequence[str], own_loss: bool = False) -> list[str]:
    """Of the gates of a sweep: their aggregates, and the conditions that these are over.

    Args:
        gates: As they are written.
        own_loss: Whether members may have a loss that is not gradlab's own.
    """
    found = [notice for text in gates for notice in _of_gate(parse_gate(text), own_loss)]
    return list(dict.fromkeys(found))


def _of_gate(gate: Gate, own_loss: bool) -> list[str]:
    inner: list[Condition] = [one.condition for one in gate.aggregates.values() if isinstance(one, Counted)]
    inner += [] if gate.where is None else [gate.where]

    def aggregate_range(term: Figure | Layers) -> Range:
        aggregate = gate.aggregates[str(term)]
        if isinstance(aggregate, Counted):
            return (0.0, math.inf) if aggregate.function == "count" else (0.0, 1.0)
        if not isinstance(aggregate, Reduced):
            return -math.inf, math.inf
        return (0.0, math.inf) if aggregate.function == "spread" else range_of(aggregate.figure, own_loss=own_loss)

    found = [notice for condition in inner for notice in range_notices(condition, own_loss=own_loss)]
    return found + range_notices(gate.condition, of=aggregate_range)
