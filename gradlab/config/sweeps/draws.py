"""Values drawn at random, each from a digest of the seed, its key and its number alone.

So a key that is added to a random space changes no value of the others, and more draws keep those that were there.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gradlab.config import spellings

Kind = Literal["uniform", "loguniform", "integer", "choice"]

KINDS: Mapping[Kind, str] = {
    "uniform": "a number between low and high, each as likely",
    "loguniform": "a number between low and high, each order of magnitude as likely; low is above 0",
    "integer": "a whole number from low to high, both included",
    "choice": "one of a list of values",
}

_MEANT: Mapping[str, str] = spellings.by_folded(
    {
        "log_uniform_values reciprocal": "loguniform",
        "int int_uniform uniform_int": "integer",
        "choices categorical values": "choice",
    }
)
_ADVICE: Mapping[str, str] = spellings.by_folded(
    {
        "randint rand_int quniform": "; write integer: [low, high], both included",
        "normal lognormal log_normal gaussian": "; write a list of values, or uniform: [low, high]",
    }
)

_BITS = 128


def kind_meant(word: str) -> Kind | None:
    """The distribution that a word means, None where it means none or several things.

    >>> kind_meant("LogUniform"), kind_meant("log_uniform"), kind_meant("categorical"), kind_meant("randint")
    ('loguniform', 'loguniform', 'choice', None)
    """
    plain = spellings.folded(word)
    return next((kind for kind in KINDS if plain == kind or _MEANT.get(plain) == kind), None)


def advice(word: str) -> str:
    """What to write in place of a distribution of another library, as the end of a sentence; empty where nothing is known of it."""
    return _ADVICE.get(spellings.folded(word), "")


@dataclass(frozen=True)
class Span:
    """What a number is drawn from."""

    kind: Kind
    low: float
    high: float

    def draw(self, seed: int, key: str, index: int) -> float:
        """The value of one draw; a whole number of `integer`.

        >>> 1 <= Span("integer", 1, 6).draw(0, "model.depth", 0) <= 6
        True
        """
        if self.kind == "integer":
            return int(self.low) + chosen(seed, key, index, int(self.high) - int(self.low) + 1)
        share = (_digest(seed, key, index) >> (_BITS - 53)) / 2**53
        if self.kind == "loguniform":
            value = math.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        else:
            value = self.low * (1 - share) + self.high * share
        # The last digits are the C library's, and a run's id must not depend on it.
        return min(max(float(f"{value:.12g}"), float(self.low)), float(self.high))


def chosen(seed: int, key: str, index: int, num_values: int) -> int:
    """The number of the value that one draw takes of a list, from 0."""
    return _digest(seed, key, index) * num_values >> _BITS


def _digest(seed: int, key: str, index: int) -> int:
    """A number of `_BITS` bits, each as likely."""
    return int.from_bytes(hashlib.sha256(f"{seed} {key} {index}".encode()).digest()[: _BITS // 8])
