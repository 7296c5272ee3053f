import os

import pytest
from processor_time import within

from gradlab.config.reading import document, yaml12
from gradlab.config.sweeps import patterns, sweep
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.config.sweeps.patterns import Patterns, TooManyError
from gradlab.errors import ConfigError

FILES = (
    "a.yaml",
    "b.yml",
    ".hidden.yaml",
    "deep/c.yaml",
    "deep/er/d.yaml",
    "deep/er/e.txt",
    ".git/f.yaml",
    "[x]/g.yaml",
)


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("model: {depth: 2, width: 8, activation: tanh}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.yaml", ["a.yaml"]),
        ("none.yaml", []),
        ("*.yaml", ["a.yaml"]),
        ("?.y*ml", ["a.yaml", "b.yml"]),
        ("[ab].*", ["a.yaml", "b.yml"]),
        ("**/*.yaml", ["[x]/g.yaml", "a.yaml", "deep/c.yaml", "deep/er/d.yaml"]),
        ("deep/**", ["deep/c.yaml", "deep/er/d.yaml", "deep/er/e.txt"]),
        ("**/er/*", ["deep/er/d.yaml", "deep/er/e.txt"]),
        ("*/*.yaml", ["[x]/g.yaml", "deep/c.yaml"]),
        (".h*", [".hidden.yaml"]),
        ("deep/../*.yaml", ["deep/../a.yaml"]),
        ("a.yaml/*", []),
        ("nul\0", []),
        ("", []),
    ],
)
def test_a_pattern_matches_as_in_a_shell(folder, pattern, found):
    assert Patterns(folder).matching(pattern) == found


def test_an_absolute_pattern_matches_absolute_paths(folder):
    assert Patterns(folder / "deep").matching(f"{folder}/*.yaml") == [f"{folder}/a.yaml"]


def test_links_that_go_round_come_to_an_end(folder, monkeypatch):
    for name in ("round", "about"):
        os.symlink(folder, folder / "deep" / name)
    monkeypatch.setattr(patterns, "MOST_LOOKED_AT", 500)
    with pytest.raises(TooManyError, match="more than 500"):
        Patterns(folder).matching("**/*.yaml")


def test_a_pattern_that_looks_at_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr(patterns, "MOST_LOOKED_AT", 5)
    with pytest.raises(TooManyError, match="would look at more than 5 files and directories; let it begin nearer"):
        Patterns(folder).matching("**/*.yaml")
    assert Patterns(folder).matching("deep/*.yaml") == ["deep/c.yaml"]


def test_a_pattern_that_matches_too_many_is_refused(folder, monkeypatch):
    monkeypatch.setattr(patterns, "MOST_FILES", 2)
    with pytest.raises(TooManyError, match="matches 4 files; at most 2 are read"):
        Patterns(folder).matching("**/*.yaml")


def test_bases_from_the_root_of_the_file_system_are_refused_at_once(folder):
    (folder / "sweep.yaml").write_text("bases: ['/**/none.yaml']\nseeds: 0-1\n")
    with within(2), pytest.raises(ConfigError, match="let it begin nearer to the configs"):
        sweep.load(folder / "sweep.yaml")


@pytest.mark.parametrize(
    "text", ["[" * 12_000, "{" * 12_000, "a: [" * 9_000, "grid: " + "[{a: " * 4_000, "- [" * 4_000]
)
def test_nested_brackets_are_refused_at_once(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with within(2):
        assert not is_sweep(path) or text.startswith("grid")
        with pytest.raises(ConfigError):
            document.load(path)
        with pytest.raises(ConfigError):
            sweep.load(path)


def test_brackets_are_counted_as_deep_as_they_may_be():
    deep, deeper = ("[" * count + "]" * count for count in (yaml12.MAX_NESTING + 1, yaml12.MAX_NESTING + 2))
    assert yaml12.read(deep)[1] == []
    [complaint] = yaml12.read(deeper)[1]
    assert (complaint.mark.column, complaint.reason) == (22, "nested more than 20 deep")
    quoted = "a: '" + "[" * 12_000 + "' # " + "[" * 12_000
    assert yaml12.read(quoted)[1] == []


def test_a_text_is_parsed_once_for_its_keys_and_its_values(monkeypatch):
    text, parsed = "model: {depth: 2}\nbase: a\nseeds: 0\n", []
    yaml12.events.cache_clear()
    parse = yaml12.yaml.parse
    monkeypatch.setattr(yaml12.yaml, "parse", lambda *given, **more: parsed.append(1) or parse(*given, **more))
    assert [type(event).__name__ for event in yaml12.events(text)] == [
        type(event).__name__ for event in yaml12.events(text)
    ]
    yaml12.read(text)
    assert len(parsed) == 1
    broken = "a: 1\nb: [\n"
    for _ in range(2):
        with pytest.raises(yaml12.yaml.YAMLError):
            list(yaml12.events(broken))


def test_the_patterns_of_a_sweep_are_bounded_together(folder, monkeypatch):
    num_entries = len(list(folder.iterdir()))
    monkeypatch.setattr(patterns, "MOST_LOOKED_AT", 2 * num_entries)
    several = Patterns(folder)
    assert several.matching("*.yaml") == several.matching("*.yaml")
    with pytest.raises(TooManyError, match=f"more than {2 * num_entries} "):
        several.matching("*.yaml")
