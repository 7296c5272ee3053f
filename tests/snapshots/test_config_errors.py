"""How a config's errors read; where a wording is changed on purpose, `config_errors.txt` follows."""

from pathlib import Path

import pytest

from gradlab.config.reading import document
from gradlab.errors import ConfigError

HERE = Path(__file__).parent


def test_messages(monkeypatch):
    monkeypatch.chdir(HERE)
    with pytest.raises(ConfigError) as caught:
        document.read("config_errors.yaml", ["model.width=wide", "train.schedul=cosine", "seed"])
    assert f"{caught.value}\n" == (HERE / "config_errors.txt").read_text(encoding="utf-8")
