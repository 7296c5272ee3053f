"""A run as it lies on the disk, and the objects that are written and printed of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gradlab.config.catalogue import Verdict
from gradlab.config.modules import AnyExperiment
from gradlab.datasets.dataset import Reading
from gradlab.results import strict_json, tables
from gradlab.results.finding import Finding, Remedy
from gradlab.results.listing import figures
from gradlab.results.record import Expectation, ExpectedOutcome, Outcome, Record, Skipped, Summary, Timing
from gradlab.results.versions import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas as pd

    from gradlab.datasets.profile import DataProfile


@dataclass(frozen=True, repr=False)
class StoredRun:
    """One run: what was asked for, what came of it, and where it lies.

    Attributes:
        id: First 12 hex digits of the digest of what decides its numbers.
        manifest: With what, where and when it was trained.
        cached: Whether it was there already when it was asked for.
        read: How its record is got at, when it is wanted.
        html: What a notebook shows of a run, registered by the room that knows how a run looks; None where nothing was.
        compared: What compares runs, and `drawn` what draws them, registered likewise.
    """

    html: ClassVar["Callable[[StoredRun], str] | None"] = None
    compared: ClassVar["Callable[..., Any] | None"] = None
    drawn: ClassVar["Callable[..., Any] | None"] = None

    id: str
    path: Path
    experiment: AnyExperiment
    summary: Summary
    manifest: Mapping[str, Any]
    timing: Timing
    cached: bool = False
    read: Callable[[], Record | None] = field(default=lambda: None, compare=False)

    def _repr_html_(self) -> str | None:
        """What a notebook shows in place of the line of `repr`."""
        render = type(self).html
        return None if render is None else render(self)

    def __repr__(self) -> str:
        return f"<run {self.path}: {self.outcome}, {self.verdict}>"

    def __hash__(self) -> int:
        """Of what equal runs have alike, so that a run may be the key of a dictionary."""
        return hash((self.id, self.path))

    @property
    def name(self) -> str:
        return self.experiment.name

    @property
    def seed(self) -> int | None:
        """Seed of the run; None of a module that was watched in its own loop."""
        return self.experiment.seed

    @property
    def outcome(self) -> str:
        return self.summary.outcome.kind

    @property
    def verdict(self) -> Verdict:
        return self.summary.verdict

    @property
    def reading(self) -> Reading | None:
        """How the target of its data file was taken; None where the data are no file, or an older gradlab stored it."""
        match self.manifest.get("target"):
            case {"target": str(target), "task": "classes" | "numbers" as task, "count": int(count), "why": str(why)}:
                counting = self.manifest["target"].get("row_numbers")
                return Reading(target, task, count, why, counting if isinstance(counting, str) else None)
        return None

    @cached_property
    def record(self) -> Record | None:
        """Everything that was recorded; None where the run failed or was interrupted before its first step."""
        return self.read()

    @cached_property
    def layers(self) -> "pd.DataFrame":
        """One row a (step, layer), one column a quantity in float64, NaN where it has no meaning; empty where nothing was recorded.

        `exact_layers` tells a NaN that was computed from what has no meaning.
        """
        return self._frame(tables.layers_frame)

    @cached_property
    def steps(self) -> "pd.DataFrame":
        """One row a recorded step, one column a figure in float64, NaN where there is none; empty where nothing was recorded."""
        return self._frame(tables.steps_frame)

    @cached_property
    def spectrum(self) -> "pd.DataFrame":
        """One row a singular value of the Jacobian (`tables.spectrum_frame`); empty where `record.spectrum` did not ask for them."""
        return self._frame(tables.spectrum_frame)

    @property
    def exact_layers(self) -> "pd.DataFrame":
        """`layers` in pandas' nullable Float64: null where a quantity has no meaning, NaN where it was computed as such."""
        return self._frame(partial(tables.layers_frame, exact=True))

    @property
    def exact_steps(self) -> "pd.DataFrame":
        """`steps` in pandas' nullable Float64."""
        return self._frame(partial(tables.steps_frame, exact=True))

    @property
    def exact_spectrum(self) -> "pd.DataFrame":
        """`spectrum` in pandas' nullable Float64."""
        return self._frame(partial(tables.spectrum_frame, exact=True))

    def _frame(self, frame: "Callable[[Record], pd.DataFrame]") -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame() if self.record is None else frame(self.record)

    def compare(
        self,
        *others: "str | Path | StoredRun | Iterable[StoredRun]",
        fail_on: Sequence[str] = (),
        fail_on_any: Sequence[str] = (),
    ) -> Any:
        """Compare others with this run, as `gradlab compare` does: a `Comparison`, which a notebook shows as a table.

            run.compare(other).passed
            run.compare([other, third], fail_on=["final.loss > +5%"])

        Args:
            *others: Runs, or names of what is stored beside this one, each a side of its own;
                several in a list that differ in their seed alone are one side.
            fail_on: Conditions that must not hold of a figure that is worse than of this run.
            fail_on_any: Conditions that must not hold, judged by the bare figures.

        Raises:
            UsageError: If there is no other, or a condition cannot be read.
        """
        return _door(type(self).compared, "compare")(self, others, fail_on, fail_on_any)

    def plot(self, kind: str = "profile", quantities: str | Sequence[str] = ()) -> Any:
        """This run as a figure of matplotlib, which a notebook shows; nothing of matplotlib's own settings changes.

            run.plot("loss").savefig("loss.pdf")

        Args:
            kind: `profile`, `heatmap`, `loss`, `spectrum` or `space`.
            quantities: What to draw of it: one quantity, or several.

        Raises:
            SelectionError: If nothing was recorded.
            UsageError: If the kind or a quantity cannot be.
        """
        return _door(type(self).drawn, "plot")(kind, [self], quantities)


def _door(found: "Callable[..., Any] | None", name: str) -> "Callable[..., Any]":
    if found is None:
        raise TypeError(f"{name} is there for whoever imports gradlab")
    return found


def nothing_recorded(run: StoredRun) -> str:
    """Why there is nothing to show of a run, as what follows its path in an error; "" where a step was recorded."""
    record = run.record
    if record is not None and len(record.steps):
        return ""
    how = {"failed": "failed", "interrupted": "was interrupted"}.get(run.outcome, "ended")
    return f"nothing was recorded, the run {how} before its first step" + ("" if record is None else " was recorded")


def run_object(run: StoredRun) -> dict[str, Any]:
    """A run as `--format json` prints it: plain types, non-finite figures as words.

    Its `layers` hold the last finite recorded step (the first where none was finite), null where a quantity has no
    meaning.
    """
    record = run.read()  # and not `run.record`, which would keep the tables of every run of a sweep
    rows = tables.layer_rows(record, record.final_index() or 0) if record is not None and len(record.steps) else []
    found: dict[str, Any] = strict_json.encode(
        {"id": run.id, "name": run.name, "path": str(run.path), "seed": run.seed, "cached": run.cached}
        | _results(run)
        | {"layers": rows, "expectations": list(map(vars, run.summary.expectations)), "timing": vars(run.timing)}
    )
    return found


def summary_object(run: StoredRun) -> dict[str, Any]:
    """A run as `summary.json` holds it: all that a list of runs shows, and all that `read_summary` needs."""
    found: dict[str, Any] = strict_json.encode(
        {"schema_version": SCHEMA_VERSION, "id": run.id, "name": run.name, "seed": run.seed}
        | {"group": run.manifest.get("group")}
        | _results(run)
        | {
            "expectations": list(map(vars, run.summary.expectations)),
            "timing": vars(run.timing),
            "rules_version": run.summary.rules_version,
            "started": run.manifest.get("started"),
            "finished": run.manifest.get("finished"),
            "config": run.experiment.model_dump(mode="json"),
        }
    )
    return found


def read_summary(data: Mapping[str, Any]) -> tuple[Summary, Timing]:
    """What `summary_object` wrote, as values.

    Raises:
        KeyError, TypeError, ValueError: If it is not what `summary_object` writes.
    """
    detail = data["outcome_detail"]
    summary = Summary(
        outcome=Outcome(data["outcome"], detail["step"], detail["layer"], detail["reason"]),
        verdict=data["verdict"],
        findings=tuple(_finding(item) for item in data["findings"]),
        init=figures(data["init"]),
        final=figures(data["final"]),
        learning_layers=data["learning_layers"],
        skipped=_skipped(data),
        expected_backward_decades=strict_json.number(data["expected_backward_decades"]),
        expected_spread=strict_json.number(data["expected_spread"]),
        typical_backward_decades=strict_json.number(data.get("typical_backward_decades")),
        expected_reason=data["expected_reason"],
        expected_outcomes=tuple(
            ExpectedOutcome(**{name: float(value) for name, value in item.items()})
            for item in data.get("expected_outcomes", ())
        ),
        expectations=tuple(Expectation(item["text"], item["passed"], item["actual"]) for item in data["expectations"]),
        rules_version=data["rules_version"],
        data=_profile(data.get("data")),
    )
    timing = data["timing"]
    return summary, Timing(
        train_seconds=float(timing["train_seconds"]),
        steps_per_second=float(timing["steps_per_second"]),
        batch_runs=timing["batch_runs"],
        record_share=strict_json.number(timing["record_share"]),
        record_bytes_per_step=timing["record_bytes_per_step"],
    )


def _results(run: StoredRun) -> dict[str, Any]:
    """What the two objects have in common: outcome, verdict, findings and figures."""
    summary = run.summary
    outcome = summary.outcome
    return {
        "outcome": outcome.kind,
        "outcome_detail": {"step": outcome.step, "layer": outcome.layer, "reason": outcome.reason},
        "verdict": summary.verdict,
        "findings": [_finding_object(finding) for finding in summary.findings],
        "init": dict(summary.init),
        "final": dict(summary.final),
        "learning_layers": summary.learning_layers,
        **_skipped_object(summary.skipped),
        "expected_backward_decades": summary.expected_backward_decades,
        "typical_backward_decades": summary.typical_backward_decades,
        "expected_spread": summary.expected_spread,
        "expected_reason": summary.expected_reason,
        "expected_outcomes": [vars(one) for one in summary.expected_outcomes],
        "data": None if summary.data is None else summary.data.to_json(with_columns=False),
    }


def _profile(found: Mapping[str, Any] | None) -> "DataProfile | None":
    from gradlab.datasets.profile import DataProfile

    return None if found is None else DataProfile.from_json(found)


def _skipped_object(skipped: Skipped | None) -> dict[str, Any]:
    """What is told of a loss scale; nothing where there is none, so that other runs have the bytes that they had."""
    if skipped is None:
        return {}
    overflow = None if skipped.step is None else {"step": skipped.step, "layer": skipped.layer}
    return {"skipped_steps": skipped.steps, "overflow": overflow}


def _skipped(data: Mapping[str, Any]) -> Skipped | None:
    if "skipped_steps" not in data:
        return None
    return Skipped(data["skipped_steps"], **(data["overflow"] or {}))


def _finding_object(finding: Finding) -> dict[str, Any]:
    """A finding with its remedies under the name that they have in JSON."""
    own = {one.name: getattr(finding, one.name) for one in fields(finding) if one.name != "remedies"}
    return own | {"remedy_settings": [vars(remedy) for remedy in finding.remedies]}


def _finding(data: Mapping[str, Any]) -> Finding:
    layers = data["layers"]
    value, limit = strict_json.number(data["value"]), strict_json.number(data["limit"])
    if value is None or limit is None:
        raise ValueError("a finding needs a value and a limit")
    return Finding(
        rule=data["rule"],
        severity=data["severity"],
        layers=None if layers is None else (int(layers[0]), int(layers[1])),
        since_step=data["since_step"],
        value=value,
        limit=limit,
        message=data["message"],
        remedy=data["remedy"],
        remedies=tuple(Remedy(dict(item["settings"]), item["because"]) for item in data.get("remedy_settings", ())),
    )
