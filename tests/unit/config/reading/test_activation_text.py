"""Activations as they are typed on the command line."""

import pytest

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.config.reading.activation_text import read_all, written
from gradlab.errors import UsageError


def test_no_name_is_all_of_the_catalogue() -> None:
    assert [one.name for one in read_all([])] == list(catalogue.ACTIVATIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tanh", Activation(name="tanh")),
        ("leaky_relu:slope=0.2", Activation(name="leaky_relu", slope=0.2)),
        ("{name: leaky_relu, slope: 0.2}", Activation(name="leaky_relu", slope=0.2)),
        ("elu: alpha = 1e-3", Activation(name="elu", alpha=0.001)),
    ],
)
def test_forms(text: str, expected: Activation) -> None:
    assert read_all([text]) == [expected]


def test_each_is_shown_once() -> None:
    assert [written(one) for one in read_all(["tanh", "leaky_relu:slope=0.01", "tanh", "leaky_relu"])] == [
        "tanh",
        "leaky_relu",
    ]


@pytest.mark.parametrize("name", catalogue.ACTIVATIONS)
def test_what_is_written_reads_the_same(name: str) -> None:
    for key, parameter in {None: None, **catalogue.ACTIVATIONS[name].parameters}.items():
        values = {} if key is None or parameter is None else {key: 0.3 if parameter.allows(0.3) else 1.0}
        one = Activation.model_validate({"name": name, **values})
        assert read_all([written(one)]) == [one]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tahn", "tahn: unknown name 'tahn'. Did you mean 'tanh'?"),
        (
            "gelu_tanh",
            "gelu_tanh: unknown name 'gelu_tanh': it is an approximation that gradlab does not have; gelu is the exact form",
        ),
        ("leaky_relu:slop=0.2", "leaky_relu:slop=0.2: slop: unknown key. Did you mean 'slope'?"),
        ("leaky_relu:slope=2", "leaky_relu:slope=2: slope: expected a number >= 0 and <= 1, got 2"),
        ("elu:alpha=x", "elu:alpha=x: alpha: expected a number, got 'x'"),
        ("tanh:slope=1", "tanh:slope=1: slope: tanh has no parameter 'slope' (its own: none)"),
        ("elu:2", "elu:2: expected parameters as in leaky_relu:slope=0.2"),
        ("elu:", "elu:: expected parameters as in leaky_relu:slope=0.2"),
        ("", "'': expected a name as in tanh or leaky_relu:slope=0.2"),
        ("[tanh]", "[tanh]: expected a name or a mapping (keys: name, slope, alpha), got a list"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_all([text])
    assert str(error.value) == said


def test_broken_yaml_is_one_line() -> None:
    with pytest.raises(UsageError, match=r"^\{name: elu: not valid YAML: .*$"):
        read_all(["{name: elu"])


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as error:
        read_all(["tahn", "relu", "gleu"])
    assert str(error.value).count("\n") == 1
