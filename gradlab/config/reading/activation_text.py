"""An activation as it is typed on the command line: a name, a name with its parameters, or the mapping of a config."""

from collections.abc import Iterable

from gradlab.config import catalogue
from gradlab.config.experiment import Activation, Experiment
from gradlab.config.reading.faults import printable, validate
from gradlab.config.reading.overrides import override
from gradlab.config.reading.tree import from_python
from gradlab.errors import UsageError

_PLACE = "model.activation"


def read_all(texts: Iterable[str]) -> list[Activation]:
    """Activations by their texts, each once; all of the catalogue where there is no text.

    Args:
        texts: Each `tanh`, `leaky_relu:slope=0.2` or `{name: leaky_relu, slope: 0.2}`; values are YAML.

    Raises:
        UsageError: With all that is wrong, a line each.

    >>> [one] = read_all(["leaky_relu:slope=0.2"])
    >>> one.name, one.slope
    ('leaky_relu', 0.2)
    """
    found: list[Activation] = []
    complaints: list[str] = []
    for text in texts:
        one, faults = _read(text)
        found += [one] if one is not None else []
        complaints += [printable(f"{text or repr(text)}: {fault}") for fault in faults]
    if complaints:
        raise UsageError("\n".join(complaints))
    return list(dict.fromkeys(found)) or [Activation.model_validate(name) for name in catalogue.ACTIVATIONS]


def written(activation: Activation) -> str:
    """The shortest text that gives an activation: parameters only where they differ from their defaults.

    >>> written(Activation(name="leaky_relu", slope=0.2)), written(Activation(name="leaky_relu"))
    ('leaky_relu:slope=0.2', 'leaky_relu')
    """
    parameters = catalogue.ACTIVATIONS[activation.name].parameters
    own = {key: getattr(activation, key) for key in parameters}
    given = [f"{key}={value:g}" for key, value in own.items() if value != parameters[key].default]
    return f"{activation.name}:{','.join(given)}" if given else activation.name


def _read(text: str) -> tuple[Activation | None, list[str]]:
    """An activation, None where something is wrong with its text, and what."""
    name, colon, rest = (text, "", "") if text.lstrip().startswith("{") else text.partition(":")
    settings = rest.split(",") if colon else []
    if any("=" not in setting for setting in settings):
        return None, ["expected parameters as in leaky_relu:slope=0.2"]
    if not name.strip():
        return None, ["expected a name as in tanh or leaky_relu:slope=0.2"]
    tree = from_python({"model": {"depth": 1, "width": 1}}, text)
    override(tree, [f"{_PLACE}={name}", *(f"{_PLACE}.{setting.strip()}" for setting in settings)])
    unreadable = list(tree.problems)
    experiment, problems = validate(tree)
    faults = []
    for problem in unreadable or problems:
        parameter = ".".join(map(str, problem.path[2:])).removeprefix("name")
        faults.append(f"{parameter}: {problem.message}" if parameter else problem.message)
    return (experiment.model.activation if isinstance(experiment, Experiment) else None), faults
