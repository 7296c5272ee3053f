"""What would mend a run, with a number in it.

A remedy names the settings to change as a config has them, `key: value`, the first alternative first: `-s key=value`
applies it.
"""

from gradlab.judgement.remedies.starts import initialisation, smaller
from gradlab.judgement.remedies.steps import first_update, largest_update, learning_rate, sloped, still, training

__all__ = [
    "first_update",
    "initialisation",
    "largest_update",
    "learning_rate",
    "sloped",
    "smaller",
    "still",
    "training",
]
