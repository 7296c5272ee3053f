"""What programs read of a finding, and that every remedy in it is taken by `gradlab check CONFIG -s …`."""

import json
from pathlib import Path
from typing import Any

import pytest
from made.deep_runs import finding
from made.deep_runs import stored as made

from gradlab.cli.main import main
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.results.finding import Remedy
from gradlab.results.stored import read_summary, summary_object

ROOT = Path(__file__).parents[2]
CONFIGS = [path for path in sorted((ROOT / "configs").glob("**/*.yaml")) if not is_sweep(path)]
FAST = ("deep_sigmoid", "normal_too_large")
OWN_CODE = ["--allow-code", "nets", "--import-path", str(ROOT / "examples")]

FINDING = [
    "rule", "severity", "layers", "since_step", "value", "limit", "message", "remedy", "remedy_settings",
]  # fmt: skip
REMEDY = ["settings", "because"]


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(words) in (0, 4)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    "config", [pytest.param(one, marks=() if one.stem in FAST else pytest.mark.slow) for one in CONFIGS],
    ids=lambda path: path.stem,
)  # fmt: skip
def test_check_takes_every_remedy_of_a_run(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path), "--format", "json"]
    own = OWN_CODE if config.stem == "own_module" else []
    (run,) = printed(capsys, "run", str(config), "--device", "cpu", "--quiet", *own, *out)["runs"]
    assert run["findings"] or config.stem not in FAST
    for one in run["findings"]:
        assert list(one) == FINDING
        assert not one["remedy_settings"] or one["remedy"]
        for remedy in one["remedy_settings"]:
            assert list(remedy) == REMEDY
            assert remedy["settings"]
            assert remedy["because"]
            overrides = [
                word for key, value in remedy["settings"].items() for word in ("-s", f"{key}={json.dumps(value)}")
            ]
            for checked in (config, Path(run["path"]) / "config.yaml"):
                assert main(["check", str(checked), *overrides]) == 0, (checked, overrides, capsys.readouterr())
    capsys.readouterr()
    path = Path(run["path"]) / "summary.json"
    stored = json.loads(path.read_text())
    assert stored["findings"] == run["findings"]
    for one in stored["findings"]:  # as it was before there were settings
        del one["remedy_settings"]
    path.write_text(json.dumps(stored))
    assert printed(capsys, "show", run["id"], *out)["runs"][0]["findings"] == run["findings"]


def test_a_finding_is_read_as_it_was_written_and_without_settings_too() -> None:
    told = finding(remedies=(Remedy({"model.init": {"scheme": "critical"}, "train.lr": 0.001}, "why"),))
    stored = json.loads(json.dumps(summary_object(made(findings=(told, finding())))))
    assert list(stored["findings"][0]) == FINDING
    assert stored["findings"][1]["remedy_settings"] == []
    assert read_summary(stored)[0].findings == (told, finding())
    for one in stored["findings"]:
        del one["remedy_settings"]
    assert read_summary(stored)[0].findings == (finding(), finding())
