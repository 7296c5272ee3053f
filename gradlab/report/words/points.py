"""What a sweep set for its members and what they came to, in words."""

import math
from collections.abc import Iterable, Mapping, Sequence

from gradlab.config.text import clean_line, value_text
from gradlab.report.words.table import Field
from gradlab.report.words.values import Value, counted
from gradlab.report.words.verdicts import APPEARANCES
from gradlab.results.stored import StoredRun

Point = Mapping[str, Value]
"""What the sweep set for a member: dotted key -> a short scalar; the seed is not among them."""


def agreement_words(
    verdicts: Sequence[tuple[str, int]], seeds: Mapping[str, Sequence[int]] | None = None, *, compact: bool = False
) -> str:
    """Verdicts of the members of a group with how many agree; a single member needs no count.

    Args:
        verdicts: Each with how many, the leading one first.
        seeds: The seeds that came to each; of a word that does not lead they are named where they are few.
        compact: Give all but the leading one by their letters, and no seeds.

    >>> agreement_words([("healthy", 3), ("vanishing", 2)])
    'healthy 3/5, vanishing 2/5'
    >>> agreement_words([("healthy", 3), ("vanishing", 2)], {"healthy": [0, 1, 2], "vanishing": [3, 4]})
    'healthy 3/5, vanishing 2/5 (seeds 3 and 4)'
    >>> agreement_words([("healthy", 3), ("vanishing", 2)], compact=True), agreement_words([("dead", 1)])
    ('healthy 3/5, V 2/5', 'dead')
    """
    total = sum(count for _, count in verdicts)
    if total == 1:
        return verdicts[0][0]
    words = [APPEARANCES[word].letter if compact and place else word for place, (word, _) in enumerate(verdicts)]
    who = [""] * len(words)
    if seeds is not None and not compact:
        named = [seeds[word] if place else () for place, (word, _) in enumerate(verdicts)]
        who = [f" ({numbered_seeds(some)})" if 0 < len(some) <= MOST_NAMED else "" for some in named]
    told = zip(words, verdicts, who, strict=True)
    return ", ".join(f"{word} {count}/{total}{seeds_named}" for word, (_, count), seeds_named in told)


MOST_NAMED = 3
"""Seeds that are named one by one."""


def numbered_seeds(seeds: Sequence[int]) -> str:
    """Seeds by number, the first ones of many.

    >>> numbered_seeds([3]), numbered_seeds([1, 3]), numbered_seeds([0, 1, 2, 5, 7])
    ('seed 3', 'seeds 1 and 3', 'seeds 0, 1, 2 and 2 more')
    """
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    named = [str(seed) for seed in seeds[:MOST_NAMED]]
    last = f"{len(seeds) - MOST_NAMED} more" if len(seeds) > MOST_NAMED else named.pop()
    return f"seeds {', '.join(named)} and {last}"


def value_words(value: Value) -> str:
    """A value that the sweep set, as YAML writes it, with up to six significant digits.

    >>> [value_words(value) for value in (None, True, 50, 1e-05, 0.1 + 0.2, "relu")]
    ['null', 'true', '50', '1e-05', '0.3', 'relu']
    """
    return clean_line(value_text(value, 6))


def point_words(point: Point, axes: Iterable[str]) -> str:
    """What the sweep set on some axes, in one line.

    >>> point_words({"model.depth": 50, "model.init": "he"}, ["model.depth", "model.init"])
    'model.depth 50, model.init he'
    """
    return ", ".join(f"{axis} {value_words(point.get(axis))}" for axis in axes)


def member_words(run: StoredRun, point: Point, axes: Iterable[str]) -> str:
    """Which member of the sweep a run is: what was set, and its seed."""
    said = point_words(point, axes)
    return f"{said}, seed {run.seed}" if said else f"seed {run.seed}"


def seeds_words(sizes: Iterable[int]) -> str:
    """How many seeds the groups have.

    >>> seeds_words([5, 5]), seeds_words([1, 1]), seeds_words([2, 5])
    ('5 seeds each', 'one seed each', '2 to 5 seeds each')
    """
    low, high = min(sizes := list(sizes), default=0), max(sizes, default=0)
    if low != high:
        return f"{low} to {high} seeds each"
    return "one seed each" if low == 1 else f"{counted(low, 'seed')} each"


def ordered(values: Iterable[Value]) -> list[Value]:
    """The distinct values of an axis: numbers by size with null before them, anything else as it first occurs.

    >>> ordered([50, None, 10, 50]), ordered(["relu", "tanh", "elu"])
    ([None, 10, 50], ['relu', 'tanh', 'elu'])
    """
    distinct = list(dict.fromkeys(values))
    numbers = [value for value in distinct if is_number(value)]
    if len(numbers) + (None in distinct) < len(distinct) or not numbers:
        return distinct
    return [*([None] if None in distinct else []), *sorted(numbers, key=lambda value: float(value or 0))]


def is_number(value: Value) -> bool:
    """Whether a value has a size by which it can be sorted."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def axis_field(axis: str, place: int, points: Iterable[Point]) -> Field:
    """The column of an axis: numbers stand on the right, and even the narrowest terminal shows the first three."""
    texts = any(isinstance(point.get(axis), str) for point in points)
    return Field(axis, "text" if texts else "figure", max(0, place - 2))
