"""What would mend a run: settings as `-s` takes them, and the sentence that says them with a number in it."""

from gradlab.judgement.remedies.advice import Advice, change, default_quantities, digits, resized
from gradlab.judgement.remedies.starts import initialisation, smaller
from gradlab.judgement.remedies.steps import (
    CLIPPING,
    first_update,
    largest_update,
    learning_rate,
    sloped,
    slower,
    still,
    training,
)

__all__ = [
    "CLIPPING",
    "Advice",
    "change",
    "default_quantities",
    "digits",
    "first_update",
    "initialisation",
    "largest_update",
    "learning_rate",
    "resized",
    "sloped",
    "slower",
    "smaller",
    "still",
    "training",
]
