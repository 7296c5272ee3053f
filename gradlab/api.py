"""The same from Python: `gradlab.run` and `gradlab.load`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.errors import UsageError
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.spec.experiment import Experiment

if TYPE_CHECKING:
    from gradlab.execution.pipeline import Observer


def run(
    config: str | Path | Mapping[str, Any] | Experiment,
    *,
    seeds: Iterable[int] | None = None,
    device: str = "auto",
    out: str | Path = "runs",
    rerun: str = "failed",
    observer: "Observer | None" = None,
    **overrides: Any,
) -> list[StoredRun]:
    """Train an experiment, record every layer, judge it, and store it; what is stored already is not trained again.

        run("configs/deep_sigmoid.yaml", seeds=range(3), **{"model.depth": 100, "train.lr": 0.1})

    Args:
        config: Path of a YAML file, the same as nested mappings, or an experiment.
        seeds: Train once for each; by default once with the config's own seed.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        out: Directory of runs.
        rerun: `failed` trains failed and interrupted runs again, `never` reuses whatever is stored, `always` nothing.
        observer: Is told of the plan, the progress and each stored run.
        **overrides: Values by dotted key, as `-s` on the command line.

    Returns:
        One run for each distinct experiment, in the order of the seeds: with `.verdict`, `.summary`, and the DataFrames
        `.layers` and `.steps`.

    Raises:
        ConfigError: With everything that is wrong with the config or its data; nothing was trained then.
        UsageError: If the device is not there, or `out` cannot be written.
        RunFailedError: If a run could not be written, as on a full disk.
        InterruptedRunError: On Ctrl+C, when what was recorded is stored.
    """
    from gradlab.execution.pipeline import execute
    from gradlab.report.markdown import summary
    from gradlab.report.view import view

    experiment = _experiment(config, overrides)
    experiments = [experiment] if seeds is None else [_seeded(experiment, seed) for seed in seeds]
    return execute(
        experiments,
        Store(out),
        lambda stored: summary(view(stored)),
        device=device,
        rerun=rerun,
        observer=observer,
    )


def load(run: str | Path, out: str | Path = "runs") -> StoredRun:
    """A stored run, judged by today's rules.

    Args:
        run: Id, unique prefix, name, path, `@latest` or `@latest~1`.
        out: Directory of runs.

    Raises:
        SelectionError: If nothing matches.
        UsageError: If several do, or the run cannot be read.
    """
    from gradlab.execution.judging import judged_anew

    return judged_anew(Store(out).load(run))


def _experiment(config: str | Path | Mapping[str, Any] | Experiment, overrides: Mapping[str, Any]) -> Experiment:
    """The experiment that is meant, with its overrides."""
    from gradlab.spec import document

    if isinstance(config, str | Path):
        return document.read(config, overrides)
    if isinstance(config, Experiment):
        if not overrides:
            return config
        config = config.model_dump(mode="json", exclude_unset=True)
    if not isinstance(config, Mapping):
        raise UsageError(f"expected a path, a mapping or an Experiment, got {type(config).__name__}")
    return document.from_mapping(config, overrides).experiment


def _seeded(experiment: Experiment, seed: int) -> Experiment:
    """The experiment with another seed.

    Raises:
        UsageError: If it is no seed.
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < 2**63:
        raise UsageError(f"seeds: expected integers >= 0, got {seed!r}")
    return experiment.model_copy(update={"seed": int(seed)})
