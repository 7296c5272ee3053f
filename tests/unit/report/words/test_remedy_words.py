"""A remedy's settings in words: YAML and options that mean what the settings say."""

import shlex
from typing import Any

import pytest

from gradlab.config.reading.overrides import read_overrides
from gradlab.report.words.remedies import config_lines, options


@pytest.mark.parametrize(
    "settings",
    [
        {"train.lr": 1e-8},
        {"seed": 3, "model.init": {"scheme": "he", "gain": 1.5}, "model.activation": {"name": "leaky_relu", "slope": 0.01}},
        {"model.init.bias": 0, "model.depth": 5, "train.epochs": None, "data.standardize": True, "record.spectrum": [1, 2]},
        {"data.path": "it's; $(rm) \n\u202e", "data.target": "no"},
    ],
)  # fmt: skip
def test_they_read_back(settings: dict[str, Any]) -> None:
    nested: dict[str, Any] = {}
    for key, value in settings.items():
        *parents, name = key.split(".")
        part = nested
        for parent in parents:
            part = part.setdefault(parent, {})
        part[name] = value
    words = shlex.split(options(settings))
    assert words[::2] == ["-s"] * len(settings)
    read, problems = read_overrides(words[1::2])
    assert not problems
    assert {one.key: one.value for one in read} == settings
    (whole,), problems = read_overrides([f"whole={config_lines(settings)}"])
    assert not problems
    assert whole.value == nested
    assert all(line.isprintable() for line in [*config_lines(settings).splitlines(), options(settings)])
