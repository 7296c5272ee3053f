"""A remedy's settings as the lines of a config that change, and as options of a command."""

import shlex
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from gradlab.config.reading.document import flow


def config_lines(settings: Mapping[str, Any]) -> str:
    """The lines of YAML that settings come to, as a config nests them.

    >>> print(config_lines({"model.init": {"scheme": "critical"}, "model.depth": 25, "train.lr": 0.001}))
    model:
      depth: 25
      init: {scheme: critical}
    train:
      lr: 0.001
    """
    lines: list[str] = []
    before: list[str] = []
    for key, value in sorted(settings.items()):
        *parents, name = map(flow, key.split("."))
        shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(parents, before, strict=False))))
        lines += [f"{'  ' * depth}{parents[depth]}:" for depth in range(shared, len(parents))]
        lines.append(f"{'  ' * len(parents)}{name}: {flow(value)}")
        before = parents
    return "\n".join(lines)


def options(settings: Mapping[str, Any]) -> str:
    """Settings as a shell takes them behind a command.

    >>> options({"model.init": {"scheme": "critical"}, "train.lr": 0.001})
    "-s 'model.init={scheme: critical}' -s train.lr=0.001"
    """
    texts = (f"{'.'.join(map(flow, key.split('.')))}={flow(value)}" for key, value in settings.items())
    return " ".join(f"-s {shlex.quote(text)}" for text in texts)
