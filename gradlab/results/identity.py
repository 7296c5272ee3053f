"""The id of a run: a digest of everything that decides its numbers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gradlab.config.modules import Trainable, WatchedExperiment, experiment_of
from gradlab.results import strict_json, versions
from gradlab.results.environment import version
from gradlab.results.listing import ListedRun


def run_id(
    experiment: Trainable,
    device_kind: str,
    data_digest: str | None = None,
    torch_version: str | None = None,
    source_digests: Mapping[str, str | None] | None = None,
) -> str:
    """The id of a run.

    Name and expectations are left out; of a data file its content counts, not its path. torch's version counts without
    the name of its build (`2.13.0` of `2.13.0+cpu`): some wheels state the build in their metadata and others do not,
    and what it tells, the kind of device, is in the digest already.

    It is the first 12 hex digits of the sha256 of the canonical JSON of all that counts. There is no `data_digest` where
    the data are no file; torch's version is by default that of the installed one. Of a module of one's own the source files
    of what it imports count: `source_digests` has their digest by top-level package (`source_files.digest`).
    """
    decides = _decides(experiment, device_kind, data_digest, torch_version, source_digests)
    return _digest(decides)


def group_id(
    experiment: Trainable,
    device_kind: str,
    data_digest: str | None = None,
    torch_version: str | None = None,
    source_digests: Mapping[str, str | None] | None = None,
) -> str:
    """What runs have in common that differ only in their seed: the digest of everything that decides a run's id but that."""
    decides = _decides(experiment, device_kind, data_digest, torch_version, source_digests)
    return _digest(
        decides | {"experiment": {key: value for key, value in decides["experiment"].items() if key != "seed"}}
    )


def group_of(line: ListedRun) -> str:
    """The group of a run that an older version stored, from what is known of it: as `group_id` where nothing else than its config
    and its surroundings counts, else a digest of these, which no newer run has.
    """
    try:
        manifest = strict_json.read_object(line.path / "manifest.json")
        experiment = experiment_of(line.config)
        device, torch_version = str(manifest.get("device")).partition(":")[0], manifest.get("torch")
        numerics = manifest.get("numerics_version")
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return line.id
    if isinstance(experiment, WatchedExperiment):
        return line.id
    decides = _decides(experiment, device, None, torch_version, None)
    decides["numerics"] = numerics
    if (
        _digest(decides) != line.id
    ):  # a data file or code of the user's own counts too, and what it was then is not known
        decides["experiment"] |= {"data": experiment.canonical()["data"]}
    decides["experiment"].pop("seed", None)
    return _digest(decides)


def _decides(
    experiment: Trainable,
    device_kind: str,
    data_digest: str | None,
    torch_version: str | None,
    source_digests: Mapping[str, str | None] | None,
) -> dict[str, Any]:
    canonical = experiment.canonical()
    canonical["data"] = canonical["data"] | {"path": data_digest}
    torch_version = version("torch") if torch_version is None else torch_version
    decides: dict[str, Any] = {
        "experiment": canonical,
        "device": device_kind,
        "torch": (torch_version or "none").partition("+")[0],
        "numerics": versions.NUMERICS_VERSION,
    }
    if source_digests is not None:
        decides["source"] = dict(source_digests)
    return decides


def _digest(decides: Mapping[str, Any]) -> str:
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
