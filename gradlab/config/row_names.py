"""What a network's rows are called: layers or, with skip connections, a stem and the blocks above it; the readout is the last.

Tables, findings and pages number rows from 1 at the input, whatever they are. The rows of somebody's own module have names of their own.
"""

from gradlab.config.models import Model
from gradlab.config.text import clean_line

Named = Model | tuple[str, ...]
"""What names rows: the network that a config describes, or the names themselves, in order."""


def noun(model: Named) -> str:
    """What most rows are.

    >>> noun(Model(depth=3, width=9, activation="relu")), noun(Model(depth=3, width=9, activation="relu", residual=1))
    ('layer', 'block')
    """
    if isinstance(model, tuple):
        return "row"
    return "layer" if model.residual is None else "block"


def among(model: Named) -> str:
    """What all of them are, where they are counted.

    >>> among(Model(depth=3, width=9, activation="relu")), among(Model(depth=3, width=9, activation="relu", residual=1))
    ('layer', 'row')
    """
    return "layer" if isinstance(model, Model) and model.residual is None else "row"


def named(model: Named, number: int) -> str:
    """One row, from 1 to depth + 1, or to the last that has a name.

    >>> residual = Model(depth=3, width=9, activation="relu", residual=1)
    >>> [named(residual, number) for number in (1, 2, 4)], named(Model(depth=3, width=9, activation="relu"), 1)
    (['the stem', 'block 2', 'the readout'], 'layer 1')
    >>> named(("stem", "blocks.0.conv", "head"), 2), span(("stem", "blocks.0.conv", "head"), 1, 2)
    ('blocks.0.conv', 'stem to blocks.0.conv')
    """
    if isinstance(model, tuple):
        return spoken(model[number - 1])
    if number > model.depth:
        return "the readout"
    return "the stem" if model.residual is not None and number == 1 else f"{noun(model)} {number}"


def spoken(name: str) -> str:
    """A module's name in a sentence: in one line, and those that are bare numbers, as in a `Sequential`, with what they number.

    >>> spoken("layer1.0.conv1"), spoken("3")
    ('layer1.0.conv1', 'module 3')
    """
    line = clean_line(name) or "(blank)"
    return f"module {line}" if line.isdigit() else line


def span(model: Named, first: int, last: int) -> str:
    """Several hidden rows.

    >>> plain, residual = (Model(depth=9, width=9, activation="relu", residual=one) for one in (None, 1))
    >>> span(plain, 3, 3), span(plain, 1, 6), span(residual, 1, 6), span(residual, 2, 6)
    ('layer 3', 'layers 1 to 6', 'the stem and blocks 2 to 6', 'blocks 2 to 6')
    """
    if first == last:
        return named(model, first)
    if isinstance(model, tuple):
        return f"{named(model, first)} to {named(model, last)}"
    if model.residual is None or first > 1:
        return f"{noun(model)}s {first} to {last}"
    return f"the stem and {span(model, 2, last)}"


def between(model: Named, upper: int, lower: int) -> str:
    """Two neighbouring hidden rows, the upper one first.

    >>> plain, residual = (Model(depth=9, width=9, activation="relu", residual=one) for one in (None, 1))
    >>> between(plain, 5, 4), between(residual, 5, 4), between(residual, 2, 1)
    ('layers 5 and 4', 'blocks 5 and 4', 'block 2 and the stem')
    """
    if isinstance(model, tuple) or (model.residual is not None and lower == 1):
        return f"{named(model, upper)} and {named(model, lower)}"
    return f"{noun(model)}s {upper} and {lower}"


def legend(model: Named) -> str:
    """Which rows are what, where that is not said by their number; "" for layers.

    >>> legend(Model(depth=9, width=9, activation="relu", residual=1))
    '1 the stem, 2 to 9 the blocks'
    """
    if isinstance(model, tuple) or model.residual is None:
        return ""
    return "1 the stem, 2 the block" if model.depth == 2 else f"1 the stem, 2 to {model.depth} the blocks"
