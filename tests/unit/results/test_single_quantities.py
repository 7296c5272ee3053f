import pytest

import gradlab
from gradlab.config.quantities import LAYER_NAMES
from gradlab.judgement.conditions import listed
from gradlab.judgement.conditions.expectations import lookup, over_layers
from gradlab.results import tables
from gradlab.results.store import Store


@pytest.mark.parametrize("lr", [0.1, 1e30])
def test_a_quantity_read_alone_is_that_of_the_whole_record(tmp_path, lr):
    config = {"model": {"depth": 3, "width": 8, "activation": "relu"}, "train": {"steps": 6, "lr": lr}}
    [run] = gradlab.run({**config, "record": {"quantities": "all", "spectrum": [1]}}, out=tmp_path)
    stored = Store(tmp_path).load(run.path)
    look = lookup(stored.experiment, stored.record, stored.summary)
    for name in LAYER_NAMES:
        assert repr(over_layers(tables.read_layer_quantity(run.path, name), name)) == repr(look(name))


def test_a_damaged_table_is_refused(tmp_path):
    [run] = gradlab.run({"model": {"depth": 2, "width": 8, "activation": "tanh"}, "train": {"steps": 2}}, out=tmp_path)
    (run.path / tables.LAYERS).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"layers\.parquet"):
        tables.read_layer_quantity(run.path, "dead_fraction")


def test_a_list_reads_of_each_run_what_a_condition_asks_for(tmp_path, monkeypatch):
    config = {"model": {"depth": 2, "width": 8, "activation": "tanh"}, "train": {"steps": 2}}
    gradlab.run(config, seeds=range(2), out=tmp_path)
    monkeypatch.setattr(tables, "read_record", lambda directory: pytest.fail("it was read whole"))
    store = Store(tmp_path)
    assert len(listed.matching(store, store.runs(), "max(dead_fraction) <= 1")) == 2
    assert listed.matching(store, store.runs(), "max(dead_fraction) > 1") == []
