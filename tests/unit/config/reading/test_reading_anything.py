"""Whatever is in a file or behind -s: an experiment, or a config error of printable lines."""

import contextlib

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gradlab.config.condition import ConditionError, parse
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.fields import fields
from gradlab.config.reading import document
from gradlab.errors import ConfigError

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["relu", "he", "normal", "sgd", "adam", "file", "xor", "seed == 0", "all", "grad_norm", "1e-3"]),
    st.sampled_from(
        ["none", "batch", "after", "1/sqrt(depth)", "post", "conv", "zeros", "flatten", "delta_orthogonal"]
    ),
)
keys = st.sampled_from(sorted({key for path in fields(Experiment) for key in path.split(".")})) | st.text(max_size=4)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)


def parts(*keys: str) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, values))


configs = st.fixed_dictionaries(
    {},
    optional={
        "name": values,
        "seed": values,
        "model": parts(
            "kind",
            "depth",
            "width",
            "activation",
            "norm",
            "residual",
            "kernel",
            "padding",
            "pool",
            "init",
            "readout_init",
        ),
        "data": parts("source", "path", "target", "samples", "noise", "image", "batch_size"),
        "train": parts("optimizer", "lr", "steps", "epochs", "loss"),
        "record": values,
        "expect": values,
    },
)


def check_refusal(error: ConfigError) -> None:
    lines = str(error).split("\n")
    assert len(lines) == len(error.faults) > 0
    assert all(line.isprintable() for line in lines)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"a: !!float 0x" + b"f" * 300)
@example(b"model: &m {model: *m}")
def test_any_bytes(tmp_path, content):
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    try:
        document.read(path)
    except ConfigError as error:
        check_refusal(error)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="model: depth{}[]&*!|>-'\"\n\t#%@,?0123<ab", max_size=80))
def test_any_yaml_like_text(tmp_path, text):
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        document.read(path)
    except ConfigError as error:
        check_refusal(error)


@settings(max_examples=250, deadline=None)
@given(configs)
def test_any_values(config):
    try:
        read = document.from_mapping(config).experiment
    except ConfigError as error:
        check_refusal(error)
    else:
        assert document.from_mapping(read.model_dump(mode="json")).experiment == read


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*fields(Experiment)]), values)
def test_what_is_dumped_reads_back(tmp_path, field, value):
    base = {"model": {"depth": 2, "width": 3, "activation": "relu"}}
    with contextlib.suppress(ConfigError):
        experiment = document.from_mapping(base, {field: value}).experiment
        path = tmp_path / "dumped.yaml"
        path.write_text(document.dump(experiment), encoding="utf-8")
        assert document.read(path) == experiment


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(max_size=30) | st.tuples(keys, keys, st.text(max_size=10)).map(lambda three: "{}.{}={}".format(*three))
    )
)
def test_any_overrides(overrides):
    try:
        document.from_mapping({"model": {"depth": 2, "width": 3, "activation": "relu"}}, overrides)
    except ConfigError as error:
        check_refusal(error)


def check_column(error: ConditionError, text: str) -> None:
    assert str(error).isprintable()
    assert 1 <= error.column <= len(text) + 1


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="seed final.loss and or not()<>=!+%1e-5 '", max_size=60))
def test_any_condition(text):
    try:
        parse(text, run_names())
    except ConditionError as error:
        check_column(error, text)
