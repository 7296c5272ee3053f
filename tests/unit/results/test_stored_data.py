"""What a run's summary says of its data, in its file and back."""

import json
from dataclasses import replace
from pathlib import Path

from made.runs import make_profile, make_run, make_summary

from gradlab.results.store import Store

RUN = "0123456789ab"


def stored(tmp_path: Path, known: bool) -> Path:
    summary = replace(make_summary(), data=make_profile() if known else None)
    return Store(tmp_path).save(replace(make_run(RUN), summary=summary), "").path


def test_it_comes_back_without_its_single_columns(tmp_path: Path) -> None:
    stored(tmp_path, known=True)
    assert Store(tmp_path).load(RUN).summary.data == replace(make_profile(), columns=())


def test_a_summary_of_before_has_none(tmp_path: Path) -> None:
    path = stored(tmp_path, known=True) / "summary.json"
    found = json.loads(path.read_text())
    assert found["data"]["input_rms"] == "inf"
    assert found["data"]["largest_column"] == "inf"
    del found["data"]
    path.write_text(json.dumps(found))
    assert Store(tmp_path).load(RUN).summary.data is None


def test_none_is_none(tmp_path: Path) -> None:
    path = stored(tmp_path, known=False) / "summary.json"
    assert json.loads(path.read_text())["data"] is None
    assert Store(tmp_path).load(RUN).summary.data is None
