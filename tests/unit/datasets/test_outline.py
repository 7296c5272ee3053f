"""What data come to without being loaded, beside what they are when they are."""

import itertools

import pytest
from processor_time import within

from gradlab.config.experiment import Data
from gradlab.datasets import Outlines, load
from gradlab.datasets.sources import synthetic
from gradlab.errors import ConfigError
from gradlab.execution.planned_data import outlined, sizes_of

SYNTHETIC = list(synthetic.SOURCES)
SIZES = [
    {"samples": samples, "holdout": holdout}
    for samples, holdout in itertools.product((13, 21, 22, 23, 24, 100), (0.0, 0.2, 0.37, 0.9))
]


@pytest.mark.parametrize("source", SYNTHETIC)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_drawn_data_come_to_what_is_said_without_drawing_them(source, sizes):
    data = Data.model_validate({"source": source, "batch_size": 1, **sizes})
    assert outlined(Outlines(), data, "auto") == sizes_of(load(data))


@pytest.mark.parametrize(("classes", "features"), [(2, 1), (7, 3), (30, 2)])
def test_more_classes_than_usual(classes, features):
    data = Data(source="noise", samples=33, classes=classes, features=features, batch_size=1)
    assert outlined(Outlines(), data, "auto") == sizes_of(load(data))


@pytest.mark.parametrize("source", ["digits", "breast_cancer", "wine", "diabetes"])
@pytest.mark.parametrize("holdout", [0.0, 0.2, 0.123, 0.5, 0.99])
def test_bundled_data_come_to_what_is_said(source, holdout):
    data = Data(source=source, holdout=holdout, batch_size=1)
    assert outlined(Outlines(), data, "auto") == sizes_of(load(data))


@pytest.mark.parametrize("target", ["kind", "amount"])
def test_a_file_is_read_once_and_comes_to_what_is_said(target, tmp_path, monkeypatch):
    file = tmp_path / "some.csv"
    file.write_text("x,kind,amount\n" + "".join(f"{row / 7},{row % 5},{row / 3}\n" for row in range(50)))
    data = [
        Data(source="file", path=str(file), target=target, holdout=share, batch_size=4) for share in (0.1, 0.2, 0.3)
    ]
    outlines, expected = Outlines(), [sizes_of(load(one)) for one in data]
    assert outlined(outlines, data[0], "auto") == expected[0]
    file.unlink()
    assert [outlined(outlines, one, "auto") for one in data] == expected


def test_a_file_at_fault_is_read_once(tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("x,kind\n1,2\n,3\n")
    data = [Data(source="file", path=str(file), target="kind", batch_size=size) for size in (1, 2)]
    outlines = Outlines()
    with pytest.raises(ConfigError, match="missing value"):
        outlines.of(data[0], "auto")
    file.unlink()
    with pytest.raises(ConfigError, match="missing value"):
        outlines.of(data[1], "auto")


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        ({"source": "noise", "samples": 10}, "auto"),
        ({"source": "digits", "batch_size": 1500}, "auto"),
        ({"source": "digits"}, "binary_cross_entropy"),
        ({"source": "diabetes"}, "cross_entropy"),
        ({"source": "noise", "samples": 100, "features": 7, "image": [1, 2, 3]}, "auto"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_the_same_words(given, loss):
    data = Data.model_validate(given)
    with pytest.raises(ConfigError) as loaded:
        load(data, loss)
    with pytest.raises(ConfigError) as told:
        Outlines().of(data, loss)
    assert told.value.faults == loaded.value.faults


def test_a_great_draw_is_looked_at_at_once():
    with within(0.5):
        found = Outlines().of(Data(source="noise", samples=50_000_000, features=20), "auto")
    assert (found.num_rows, found.num_features) == (50_000_000, 20)
