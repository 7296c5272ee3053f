"""The id of a run: a digest of everything that decides its numbers."""

import hashlib
import json
from collections.abc import Mapping

from gradlab.config.modules import Trainable
from gradlab.results import versions
from gradlab.results.environment import version


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
    canonical = experiment.canonical()
    canonical["data"] = canonical["data"] | {"path": data_digest}
    torch_version = version("torch") if torch_version is None else torch_version
    decides = {
        "experiment": canonical,
        "device": device_kind,
        "torch": (torch_version or "none").partition("+")[0],
        "numerics": versions.NUMERICS_VERSION,
    }
    if source_digests is not None:
        decides["source"] = dict(source_digests)
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
