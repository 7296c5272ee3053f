"""When the Jacobian is taken: what may be asked for, what is filled in, and that whoever does not ask keeps his ids."""

import hashlib
import json

import jsonschema
import pytest

from gradlab.config import memory
from gradlab.config.experiment import Experiment
from gradlab.config.quantities import JACOBIAN, LAYER_NAMES, in_group, selected
from gradlab.config.reading import document
from gradlab.config.sweeps.schema import schema, sweep_schema
from gradlab.errors import ConfigError
from gradlab.results.identity import run_id

MODEL = {"depth": 6, "width": 3, "activation": "relu"}
TAKEN = {"quantities": ["jacobian_dispersion"]}


def make(record: dict | None = None, **parts) -> Experiment:
    return Experiment.model_validate({"model": MODEL, "record": record or {}, **parts})


@pytest.mark.parametrize(
    ("parts", "digest"),
    [
        ({}, "5d816e7f5edbcf50"),
        ({"record": {"quantities": "all", "every": 3}, "seed": 4}, "897c2bba8db866a6"),
        ({"record": {"quantities": ["grad_norm", "default"]}, "train": {"epochs": 2, "clip_norm": 1.0}}, "9149ef7d5e7c3bae"),
    ],
)  # fmt: skip
def test_an_experiment_without_jacobians_is_what_it_was(parts, digest):
    """Digests of the canonical form as it was before there were these fields."""
    canonical = Experiment.model_validate({"model": {**MODEL, "depth": 2}, **parts}).canonical()
    assert set(canonical["record"]) == {"every", "quantities"}
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_what_is_filled_in():
    assert make().record.jacobian_examples is None
    assert make({"quantities": "all"}).record.takes_jacobian is False
    for record in (TAKEN, {"spectrum": 1}, {"quantities": "jacobian_log10_s_min"}):
        resolved = make(record).record
        assert resolved.takes_jacobian
        assert (resolved.jacobian_examples, resolved.jacobian_steps) == (4, None)
    assert make({"spectrum": [5, 1, 5]}).record.spectrum == (1, 5)
    assert make({"spectrum": [1], "jacobian_steps": 20}).record.jacobian_steps == (20,)
    assert make({"spectrum": []}).record.spectrum is None


@pytest.mark.parametrize(
    "record",
    [
        TAKEN,
        {"spectrum": 1},
        TAKEN | {"spectrum": [1, 3]},
        TAKEN | {"jacobian_examples": 1},
        TAKEN | {"jacobian_steps": [10]},
        TAKEN | {"jacobian_steps": [10, 20]},
    ],
)
def test_each_field_makes_another_run_in_another_batch(record):
    others = [
        make(other) for other in ({}, {"quantities": []}, {"quantities": ["jacobian_log10_s_max"]}, {"spectrum": [2]})
    ]
    own = make(record)
    assert run_id(own, "cpu", torch_version="2") not in {run_id(other, "cpu", torch_version="2") for other in others}
    assert own.batch_key() not in {other.batch_key() for other in others}


@pytest.mark.parametrize("record", [{}, TAKEN, {"spectrum": [1, 2], "jacobian_steps": [0, 7], "jacobian_examples": 2}])
def test_a_resolved_config_reads_back_and_follows_the_schema(record):
    experiment = make(record)
    assert document.from_mapping(experiment.model_dump(mode="json")).experiment == experiment
    for written in (record, experiment.model_dump(mode="json")["record"]):
        jsonschema.validate({"model": MODEL, "record": written}, schema())
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_yaml_round_trip(tmp_path):
    experiment = make({"spectrum": [1, 2], "jacobian_steps": [0, 7], "quantities": ["jacobian_log10_s_max"]}, name="it")
    file = tmp_path / "it.yaml"
    file.write_text(document.dump(experiment))
    assert document.read(file) == experiment
    overridden = document.read(file, ["record.spectrum=3", "record.jacobian_steps=[5]", "record.jacobian_examples=1"])
    assert overridden.record.spectrum == (3,)
    assert overridden.record.jacobian_steps == (5,)


def test_schema_knows_numbers_and_lists():
    for value, right in (
        (1, True),
        ([1, 2], True),
        (None, True),
        (0, False),
        ([0], False),
        ("1", False),
        ([1.5], False),
    ):
        config = {"model": MODEL, "record": {"spectrum": value}}
        assert jsonschema.Draft7Validator(schema()).is_valid(config) is right, value
    sweep = {"experiment": {"model": MODEL}, "grid": {"record.spectrum": [1, [1, 2]]}}
    assert jsonschema.Draft7Validator(sweep_schema()).is_valid(sweep)


@pytest.mark.parametrize(
    ("record", "path", "told"),
    [
        ({"spectrum": 0}, "record.spectrum", "expected a whole number >= 1"),
        ({"spectrum": [1, 0]}, "record.spectrum[1]", "expected a whole number >= 1"),
        ({"spectrum": [1, True]}, "record.spectrum[1]", "expected a whole number >= 1"),
        ({"spectrum": [10**5000]}, "record.spectrum[0]", "expected a whole number >= 1"),
        ({"spectrum": "all"}, "record.spectrum", "expected a whole number >= 1 or a list of them, got 'all'"),
        ({"spectrum": True}, "record.spectrum", "expected a whole number >= 1 or a list of them, got true"),
        ({"spectrum": 1.5}, "record.spectrum", "got 1.5"),
        ({"spectrum": [1, 6]}, "record.spectrum", "layer 6 has no Jacobian to the top hidden layer: layers 1 to 5 of 6 have one"),
        (TAKEN | {"jacobian_steps": -1}, "record.jacobian_steps", "expected a whole number >= 0"),
        (TAKEN | {"jacobian_steps": [200]}, "record.jacobian_steps", "step 200 is not trained; with 200 steps the last is 199"),
        (TAKEN | {"jacobian_steps": [10, 13], "every": 5}, "record.jacobian_steps", "step 13 is not recorded; record.every is 5"),
        (TAKEN | {"jacobian_examples": 0}, "record.jacobian_examples", "expected a whole number >= 1, got 0"),
        ({"jacobian_examples": 2}, "record.jacobian_examples", "nothing of the Jacobian is recorded; ask for one of jacobian_log10_s_max"),
        ({"jacobian_steps": [0], "quantities": "all"}, "record.jacobian_steps", "or for record.spectrum"),
        ({"spectrums": 1}, "record.spectrums", "Did you mean 'spectrum'?"),
        ({"quantities": "jacobian_log10_s_mxa"}, "record.quantities", "Did you mean 'jacobian_log10_s_max'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(record, path, told):
    with pytest.raises(ConfigError) as caught:
        document.from_mapping({"model": MODEL, "record": record})
    (fault,) = caught.value.faults
    assert fault.path == path
    assert told in fault.message


def test_a_network_of_one_layer_has_no_jacobian():
    with pytest.raises(ConfigError, match="layer 1 has no Jacobian to the top hidden layer: one hidden layer has none"):
        document.from_mapping({"model": {**MODEL, "depth": 1}, "record": {"spectrum": 1}})
    assert document.from_mapping({"model": {**MODEL, "depth": 1}, "record": TAKEN}).experiment.record.takes_jacobian


def test_the_last_step_may_be_named_and_epochs_are_taken_on_trust():
    assert make(TAKEN | {"jacobian_steps": [199], "every": 5}).record.jacobian_steps == (199,)
    assert make(TAKEN | {"jacobian_steps": [10**6]}, train={"epochs": 1}).record.jacobian_steps == (10**6,)


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        document.from_mapping(
            {"model": {**MODEL, "depth": 0}, "record": {"spectrum": [0, -1], "jacobian_steps": "x", "every": 0}}
        )
    assert {fault.path for fault in caught.value.faults} == {
        "model.depth", "record.every", "record.spectrum[0]", "record.spectrum[1]", "record.jacobian_steps",
    }  # fmt: skip


def test_groups_hold_none_of_them():
    assert not set(JACOBIAN) & set(in_group("all"))
    assert set(JACOBIAN) < set(LAYER_NAMES)
    assert set(selected(("all", *JACOBIAN), ("sixteen_bit", "norm", "learned_scale", "module"))) == {
        *in_group("all"),
        *JACOBIAN,
    }


def test_memory_counts_the_spectrum():
    wide = {"model": {**MODEL, "width": 100}, "data": {"batch_size": 64}}
    size = memory.DataSize(1000, 64, 10)
    spectrum = {"spectrum": [1, 2], "jacobian_steps": [50], "jacobian_examples": 3}
    none, kept = (
        memory.estimate(Experiment.model_validate({**wide, "record": record}), size).record for record in ({}, spectrum)
    )
    num_values = 3 * 2 * 3 * 100
    assert kept - none == num_values * memory._SPECTRUM_BYTES // 4 * 4


def test_a_run_of_one_step_is_spoken_of_in_the_singular():
    with pytest.raises(ValueError, match="with 1 step the last is 0"):
        Experiment.model_validate(
            {
                "model": {"depth": 3, "width": 8, "activation": "tanh"},
                "data": {"source": "wine"},
                "train": {"steps": 1},
                "record": {**TAKEN, "jacobian_steps": [4]},
            }
        )
