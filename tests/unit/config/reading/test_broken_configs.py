"""Over a hundred broken configs: each is one line a fault, with its place."""

from pathlib import Path

import pytest

from gradlab.config.reading import document
from gradlab.errors import ConfigError

BASE = """\
name: base
model:
  depth: 5
  width: 10
  activation: relu
  init: he
data: {source: digits, batch_size: 64}
train: {optimizer: sgd, lr: 0.01, steps: 20}
record: {every: 1}
seed: 0
"""

# What is replaced in the base, by what, the line and column of the fault, its path, a part of its message.
EDITS = [
    # Keys.
    ("width:", "widht:", 4, 3, "model.widht", "unknown key. Did you mean 'width'?"),
    ("  depth: 5\n", "", 2, 1, "model.depth", "missing"),
    ("  activation: relu\n", "", 2, 1, "model.activation", "missing"),
    ("seed: 0", "sead: 0", 10, 1, "sead", "unknown key. Did you mean 'seed'?"),
    ("seed: 0", "lrr: 0.1", 10, 1, "lrr", "unknown key"),
    ("seed: 0", "zzz: 0", 10, 1, "zzz", "known here: name, seed, model"),
    ("seed: 0", "seed: 0\nseed: 1", 11, 1, "seed", "repeated key (first at line 10)"),
    ("width: 10", "width: 10\n  width: 20", 5, 3, "model.width", "repeated key (first at line 4)"),
    ("lr: 0.01", "lr: 0.01, lr: 0.02", 8, 35, "train.lr", "repeated key"),
    ("seed: 0", "Sead: 0", 10, 1, "Sead", "unknown key. Did you mean 'seed'?"),
    ("seed: 0", "5: 0", 10, 1, "", "a key is text, got 5"),
    ("seed: 0", "true: 0", 10, 1, "", "a key is text, got true"),
    ("seed: 0", "~: 0", 10, 1, "", "a key is text, got null"),
    ("seed: 0", "? [a, b]\n: 0", 10, 3, "", "a key is text, got a collection"),
    ("seed: 0", "<<: {seed: 3}", 10, 1, "", "merge key"),
    ("seed: 0", '"": 3', 10, 1, "''", "unknown key"),
    ("seed: 0", '"a\\nb": 3', 10, 1, "'a\\nb'", "unknown key"),
    ("seed: 0", f"{'k' * 100}: 3", 10, 1, "'kkk", "unknown key"),
    ("record: {every: 1}", "record: {ever: 1}", 9, 10, "record.ever", "Did you mean 'every'?"),
    ("optimizer: sgd", "optimizer: {name: sgd, momentun: 0.9}", 8, 32, "train.optimizer.momentun", "Did you mean"),
    ("init: he", "init: {shceme: he}", 6, 10, "model.init.shceme", "Did you mean 'scheme'?"),
    # Types.
    ("depth: 5", "depth: five", 3, 10, "model.depth", "expected a whole number >= 1, got 'five'"),
    ("depth: 5", "depth: '5'", 3, 10, "model.depth", "got '5' (a text: remove the quotes)"),
    ("depth: 5", "depth: 5.0", 3, 10, "model.depth", "got 5.0 (write 5)"),
    ("depth: 5", "depth: 1e9", 3, 10, "model.depth", "got 1e9 (write 1000000000)"),
    ("depth: 5", "depth: 5.5", 3, 10, "model.depth", "expected a whole number >= 1, got 5.5"),
    ("depth: 5", "depth: true", 3, 10, "model.depth", "expected a whole number >= 1, got true"),
    ("depth: 5", "depth:", 3, 9, "model.depth", "got null"),
    ("depth: 5", "depth: [5]", 3, 10, "model.depth", "got a list"),
    ("depth: 5", "depth: {value: 5}", 3, 10, "model.depth", "got a mapping"),
    ("depth: 5", "depth: 1_000", 3, 10, "model.depth", "got '1_000'"),
    ("lr: 0.01", "lr: fast", 8, 29, "train.lr", "expected a number > 0, got 'fast'"),
    ("lr: 0.01", "lr: true", 8, 29, "train.lr", "expected a number > 0, got true"),
    ("lr: 0.01", "lr: null", 8, 29, "train.lr", "leave the key out for its default"),
    ("name: base", "name: 5", 1, 7, "name", "expected text, got 5"),
    ("name: base", "name: [a]", 1, 7, "name", "expected text, got a list"),
    ("seed: 0", "seed: 0.5", 10, 7, "seed", "got 0.5"),
    ("seed: 0", "data: 3", 10, 1, "data", "repeated key (first at line 7)"),
    ("data: {source: digits, batch_size: 64}", "data: digits", 7, 7, "data", "expected a mapping (keys: source"),
    ("data: {source: digits, batch_size: 64}", "data: [digits]", 7, 7, "data", "expected a mapping"),
    ("data: {source: digits, batch_size: 64}", "data:", 7, 6, "data", "got null"),
    ("train: {optimizer: sgd, lr: 0.01, steps: 20}", "train: 5", 8, 8, "train", "expected a mapping"),
    ("activation: relu", "activation: 5", 5, 15, "model.activation", "expected a name or a mapping"),
    ("activation: relu", "activation: [relu]", 5, 15, "model.activation", "got a list"),
    ("activation: relu", "activation: {name: 5}", 5, 22, "model.activation.name", "expected one of identity"),
    ("activation: relu", "activation: {slope: 0.1}", 5, 3, "model.activation.name", "missing"),
    ("init: he", "init: 0.5", 6, 9, "model.init", "expected a scheme or a mapping"),
    ("init: he", "init: null", 6, 9, "model.init", "got null"),
    ("batch_size: 64", "standardize: yes", 7, 37, "data.standardize", "true or false, got 'yes' (write true)"),
    ("batch_size: 64", "standardize: 1", 7, 37, "data.standardize", "expected true or false, got 1"),
    ("seed: 0", "expect: verdict == healthy", 10, 9, "expect", "expected a list, got 'verdict == healthy' (write "
     "['verdict == healthy'])"),
    ("seed: 0", "expect: [5]", 10, 10, "expect[0]", "expected text, got 5"),
    ("seed: 0", "expect: {verdict: healthy}", 10, 9, "expect", "expected a list, got a mapping"),
    ("every: 1", "quantities: 5", 9, 22, "record.quantities", "expected a group, a quantity or a list of them"),
    ("every: 1", "quantities: [5]", 9, 23, "record.quantities[0]", "expected the name of a quantity or of a group"),
    # Values.
    ("depth: 5", "depth: 0", 3, 10, "model.depth", "expected a whole number >= 1, got 0"),
    ("depth: 5", "depth: -3", 3, 10, "model.depth", "expected a whole number >= 1, got -3"),
    ("width: 10", "width: -1", 4, 10, "model.width", "expected a whole number >= 1, got -1"),
    ("depth: 5", "depth: 1000000000", 3, 10, "model.depth", "of memory"),
    ("width: 10", "width: 1000000", 4, 10, "model.width", "this machine has"),
    ("batch_size: 64", "batch_size: 100000000000", 7, 36, "data.batch_size", "of memory"),
    ("steps: 20", "steps: 100000000000000", 8, 42, "train.steps", "record.every and record.quantities"),
    ("depth: 5", f"depth: {'9' * 350}", 3, 10, "model.depth", "1,000+ EB"),
    ("depth: 5", f"depth: {'9' * 5000}", 3, 10, "model.depth", "a number of 5,000 digits"),
    ("lr: 0.01", "lr: 1e400", 8, 29, "train.lr", "got 1e400, which is not finite"),
    ("lr: 0.01", "lr: .inf", 8, 29, "train.lr", "got .inf, which is not finite"),
    ("lr: 0.01", "lr: .nan", 8, 29, "train.lr", "got .nan, which is not finite"),
    ("lr: 0.01", "lr: nan", 8, 29, "train.lr", "expected a number > 0, got 'nan'"),
    ("lr: 0.01", "lr: 0", 8, 29, "train.lr", "expected a number > 0, got 0"),
    ("lr: 0.01", "lr: -0.1", 8, 29, "train.lr", "expected a number > 0, got -0.1"),
    ("lr: 0.01", "weight_decay: -1", 8, 39, "train.weight_decay", "expected a number >= 0, got -1"),
    ("lr: 0.01", "clip_norm: 0", 8, 36, "train.clip_norm", "expected a number > 0, got 0"),
    ("lr: 0.01", "clip_norm: none", 8, 36, "train.clip_norm", "leave the key out, or write null"),
    ("seed: 0", "seed: -1", 10, 7, "seed", "got -1"),
    ("seed: 0", f"seed: {2**63}", 10, 7, "seed", "< 9223372036854775808"),
    ("batch_size: 64", "batch_size: 0", 7, 36, "data.batch_size", ">= 1, got 0"),
    ("batch_size: 64", "holdout: 1", 7, 33, "data.holdout", "expected a number >= 0 and < 1, got 1"),
    ("batch_size: 64", "holdout: -0.1", 7, 33, "data.holdout", "got -0.1"),
    ("every: 1", "every: 0", 9, 17, "record.every", ">= 1, got 0"),
    ("steps: 20", "steps: 0", 8, 42, "train.steps", ">= 1, got 0"),
    ("steps: 20", "epochs: 0", 8, 43, "train.epochs", "expected a number > 0 and <= 1000000000000, got 0"),
    ("activation: relu", "activation: sigmod", 5, 15, "model.activation", "Did you mean 'sigmoid'?"),
    ("activation: relu", "activation: zzz", 5, 15, "model.activation", "(one of: identity, sigmoid"),
    ("activation: relu", "activation: ReLU6", 5, 15, "model.activation", "'ReLU6'"),
    ("activation: relu", "activation: {name: elu, alpha: 0}", 5, 34, "model.activation.alpha", "expected a number > 0"),
    ("activation: relu", "activation: {name: prelu, slope: 2}", 5, 36, "model.activation.slope", "<= 1, got 2"),
    ("init: he", "init: xaver", 6, 9, "model.init", "Did you mean 'xavier'?"),
    ("init: he", "readout_init: zeross", 6, 17, "model.readout_init", "Did you mean 'zeros'?"),
    ("init: he", "init: {scheme: he, gain: -1}", 6, 28, "model.init.gain", ">= 0, got -1"),
    ("init: he", "init: {scheme: he, distribution: cauchy}", 6, 36, "model.init.distribution", "(one of: normal"),
    ("init: he", "parametrization: mup2", 6, 20, "model.parametrization", "Did you mean 'mup'?"),
    ("init: he", "parametrization: ntk", 6, 20, "model.parametrization", "(one of: standard, mup)"),
    ("init: he", "parametrization: true", 6, 20, "model.parametrization", "got true"),
    ("init: he", "parametrizatoin: mup", 6, 3, "model.parametrizatoin", "Did you mean 'parametrization'?"),
    ("init: he", "parametrization: mup\n  norm: batch", 6, 20, "model.parametrization", "this one has model.norm batch: leave one"),
    ("init: he", "parametrization: mup\n  residual: 1", 6, 20, "model.parametrization", "this one has model.residual 1: leave one"),
    ("lr: 0.01", "warmup: -1", 8, 33, "train.warmup", "expected a whole number >= 0, got -1"),
    ("lr: 0.01", "warmup: 0.1", 8, 33, "train.warmup", "expected a whole number >= 0, got 0.1"),
    ("lr: 0.01", "warmup: 5.0", 8, 33, "train.warmup", "got 5.0 (write 5)"),
    ("lr: 0.01", "warmup: linear", 8, 33, "train.warmup", "expected a whole number >= 0, got 'linear'"),
    ("lr: 0.01", "warmup: null", 8, 33, "train.warmup", "leave the key out for its default"),
    ("lr: 0.01", "warm_upp: 5", 8, 25, "train.warm_upp", "Did you mean 'warmup'?"),
    ("lr: 0.01", "warmup: 21", 8, 33, "train.warmup", "a warmup of 21 updates is longer than the run, which has 20; shorten"),
    ("optimizer: sgd", "optimizer: adem", 8, 20, "train.optimizer", "Did you mean 'adam'?"),
    ("lr: 0.01", "schedule: linear", 8, 35, "train.schedule", "(one of: constant, cosine)"),
    ("lr: 0.01", "loss: l2", 8, 31, "train.loss", "(one of: auto, cross_entropy"),
    ("lr: 0.01", "dtype: float31", 8, 32, "train.dtype", "Did you mean 'float32'?"),
    ("source: digits", "source: mnist", 7, 16, "data.source", "digits has small pictures"),
    ("every: 1", "quantities: grad", 9, 22, "record.quantities", "unknown quantity or group 'grad'"),
    ("every: 1", "quantities: [grad_norm, gradnrom]", 9, 34, "record.quantities[1]", "Did you mean 'grad_norm'?"),
    ("name: base", "name: a b", 1, 7, "name", "expected letters, digits"),
    ("name: base", "name: ../up", 1, 7, "name", "expected letters, digits"),
    ("name: base", "name: .hidden", 1, 7, "name", "expected letters, digits"),
    ("name: base", "name: ''", 1, 7, "name", "expected letters, digits"),
    ("name: base", f"name: {'a' * 101}", 1, 7, "name", "at most 100 characters, got 101"),
    ("name: base", 'name: "a\\nb"', 1, 7, "name", "got 'a\\nb'"),
    # Fields that do not go together.
    ("steps: 20", "steps: 20, epochs: 2", 8, 54, "train.epochs", "either steps or epochs"),
    ("activation: relu", "activation: {name: relu, slope: 0.2}", 5, 35, "model.activation.slope", "no parameter"),
    ("optimizer: sgd", "optimizer: {name: sgd, momentum: 0.9}", 8, 42, "train.optimizer.momentum", "write {name: momentum, momentum: 0.9}"),
    ("optimizer: sgd", "optimizer: {name: momentum, momentum: 1}", 8, 47, "train.optimizer.momentum", "and < 1, got 1"),
    ("optimizer: sgd", "optimizer: {name: adam, alpha: 0.9}", 8, 40, "train.optimizer.alpha", "beta1, beta2, eps"),
    ("init: he", "init: {scheme: he, std: 0.1}", 6, 27, "model.init.std", "std belongs to scheme normal"),
    ("init: he", "init: {scheme: he, sigma_w: 2}", 6, 18, "model.init.scheme", "either a scheme or sigma_w"),
    ("init: he", "init: {sigma_b: 2}", 6, 19, "model.init.sigma_b", "needs sigma_w"),
    ("init: he", "init: {sigma_w: 2, gain: 3}", 6, 28, "model.init.gain", "does not go with sigma_w"),
    ("init: he", "init: {scheme: zeros, gain: 3}", 6, 31, "model.init.gain", "zeros sets its own gain"),
    ("init: he", "init: {scheme: pytorch, bias: 1}", 6, 33, "model.init.bias", "pytorch sets its own bias"),
    ("batch_size: 64", "samples: 100", 7, 33, "data.samples", "source digits has no parameter 'samples'"),
    ("source: digits", "source: xor, features: 3", 7, 31, "data.features", "(its own: samples, noise)"),
    ("source: digits", "source: file, target: y", 7, 1, "data.path", "needs data.path"),
    ("source: digits", "source: file, path: a.csv", 7, 1, "data.target", "needs data.target"),
    ("source: digits", "source: file, path: '', target: y", 7, 28, "data.path", "expected text, got ''"),
    ("source: digits", 'source: file, path: "a\\0", target: y', 7, 28, "data.path", "NUL"),
    ("batch_size: 64", "path: a.csv", 7, 30, "data.path", "belongs to source file"),
    ("source: digits", "source: spirals, samples: 5, classes: 9", 7, 46, "data.classes", "at least as many samples"),
    ("source: digits", "source: moons, samples: 3", 7, 32, "data.samples", ">= 4, got 3"),
    ("lr: 0.01", "loss: binary_cross_entropy", 8, 31, "train.loss", "the data have 10"),
    ("digits, batch_size: 64}\ntrain: {", "diabetes}\ntrain: {loss: cross_entropy, ", 8, 15, "train.loss", "numbers"),
    # Conditions.
    ("seed: 0", "expect: [verdict == vanishng]", 10, 10, "expect[0]", "Did you mean 'vanishing'?"),
    ("seed: 0", "expect: [verdict = dead]", 10, 10, "expect[0]", "character 9: cannot read '='; did you mean '=='?"),
    ("seed: 0", "expect:\n  - seed == 0\n  - loss < 3", 12, 5, "expect[1]", "Did you mean 'final.loss'?"),
    ("seed: 0", "expect: [final.loss < +5%]", 10, 10, "expect[0]", "a change against a first run"),
    ("seed: 0", "expect: ['']", 10, 10, "expect[0]", "expected a name, found the end"),
    # Tags, anchors, documents, syntax.
    ("seed: 0", "seed: !!python/object/apply:os.system [ls]", 10, 7, "seed", "tag '!!python/object/apply:os.system'"),
    ("seed: 0", "seed: !seed 3", 10, 7, "seed", "tag '!seed' is not allowed"),
    ("seed: 0", "seed: !!binary aGk=", 10, 7, "seed", "tag '!!binary'"),
    ("seed: 0", "seed: !!timestamp 2020-01-01", 10, 7, "seed", "tag '!!timestamp'"),
    ("seed: 0", "seed: !!int five", 10, 7, "seed", "tag !!int does not fit"),
    ("seed: 0", "seed: 2020-01-01", 10, 7, "seed", "got '2020-01-01'"),
    ("seed: 0", "seed: *nowhere", 10, 7, "seed", "no anchor &nowhere"),
    ("seed: 0", "expect: &loop [*loop]", 10, 16, "expect[0]", "stands inside the value that it names"),
    ("seed: 0", "seed: 0\n---\nname: other", 11, 1, "", "a second document"),
    ("seed: 0", "\tseed: 0", 10, 1, "", "a tab; indent with spaces"),
    ("seed: 0", "seed:\t0\n", 10, 6, "", "a tab; indent with spaces"),
    ("  width: 10", "    width: 10", 4, 10, "", "a ':' where none can be"),
    ("{every: 1}", "{every: 1", 10, 5, "", "not valid YAML"),
    ("seed: 0", "seed: 'open", 11, 1, "", "not valid YAML"),
    ("seed: 0", "seed: @", 10, 7, "", "not valid YAML"),
    ("seed: 0", "seed: `a`", 10, 7, "", "not valid YAML"),
    ("seed: 0", "seed: 0\nmodel", 12, 1, "", "not valid YAML"),
    ("seed: 0", f"seed: {'[' * 60}{']' * 60}", 10, 27, "", "nested more than 20 deep"),
    ("name: base", 'name: "\\ud800"', 1, 7, "name", "surrogate"),
]  # fmt: skip

# Whole files: name, bytes, line, column, a part of the message.
FILES = [
    ("empty", b"", 1, 1, "the file is empty"),
    ("blank", b"\n\n  \n", 1, 1, "the file is empty"),
    ("comment", b"# nothing\n", 1, 1, "the file is empty"),
    ("marker", b"---\n", 2, 1, "expected a mapping with the keys of an experiment, got nothing"),
    ("list", b"- a\n- b\n", 1, 1, "got a list"),
    ("scalar", b"hello\n", 1, 1, "expected a mapping"),
    ("number", b"42", 1, 1, "got 42"),
    ("null", b"null", 1, 1, "expected a mapping"),
    ("utf16", BASE.encode("utf-16"), 1, 1, "UTF-16"),
    ("utf16_without_mark", BASE.encode("utf-16-le"), 1, 1, "UTF-16"),
    ("utf32", BASE.encode("utf-32"), 1, 1, "UTF-16 or UTF-32"),
    ("mark", b"\xef\xbb\xbf" + BASE.encode(), 1, 1, "byte order mark"),
    ("latin1", BASE.replace("base", "b\xe4se").encode("latin-1"), 1, 8, "byte 0xe4 is not UTF-8"),
    ("cut_character", BASE.encode() + b"# \xe2\x82", 11, 3, "is not UTF-8"),
    ("nul", BASE.replace("seed", "se\0d").encode(), 10, 3, "control character U+0000"),
    ("escape", BASE.replace("seed", "\x1b[31m").encode(), 10, 1, "control character U+001B"),
    ("binary", bytes(range(256)), 1, 1, "UTF-16 or UTF-32"),
    ("png", b"\x89PNG\r\n\x1a\n" + bytes(64), 1, 1, "is not UTF-8"),
    ("too_large", b"# " + b"x" * (1 << 20), 1, 1, "more than 524,288 bytes"),
    ("many_values", b"expect: [" + b"1," * 30_000 + b"]", 1, 40_004, "more than 20,000 values"),
    ("json", b'{"seed": 1, "seed": 2, "model": {"depth": 1, "width": 1, "activation": "elu"}}', 1, 13, "repeated"),
    (
        "billion_laughs",
        b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b", ".join([b"*%c" % (97 + i)] * 10)) for i in range(9)),
        5, 4, "more than 20,000 values once its aliases are followed",
    ),
]  # fmt: skip


def faults_of(folder: Path, content: bytes, overrides: tuple[str, ...] = ()) -> tuple[str, ...]:
    path = folder / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        document.read(path, overrides)
    assert caught.value.exit_code == 2
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.faults)  # one line a fault
    assert all(line.isprintable() for line in lines)
    return tuple(line.replace(f"{path}:", "") for line in lines)


def test_the_base_is_whole(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    assert document.read(tmp_path / "base.yaml").model.depth == 5


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "path", "message"), EDITS, ids=[edit[1][:40] for edit in EDITS]
)
def test_edit_is_one_fault_at_its_place(tmp_path, old, new, line, column, path, message):
    assert BASE.count(old) == 1
    (fault,) = faults_of(tmp_path, BASE.replace(old, new).encode())
    assert fault.startswith(f"{line}:{column}  {path}"), fault
    assert message in fault


@pytest.mark.parametrize(("name", "content", "line", "column", "message"), FILES, ids=[file[0] for file in FILES])
def test_file_is_refused_at_its_place(tmp_path, name, content, line, column, message):
    faults = faults_of(tmp_path, content)
    assert any(fault.startswith(f"{line}:{column}  ") and message in fault for fault in faults), faults


def test_all_faults_come_at_once_sorted_by_place(tmp_path):
    text = """\
seed: -1
train: {lr: fast, steps: 5, epochs: 5, optimizer: {name: sgd, momentum: 2}}
model:
  widht: 3
  depth: 0
  activation: {name: relu, slope: 3}
  init: {scheme: xaveir, std: 2}
expect: [verdict == x, seed == 0, y == 1]
"""
    faults = faults_of(tmp_path, text.encode(), ("record.every=0",))
    assert [fault.split(": ")[0] for fault in faults] == [
        "1:7  seed",
        "2:13  train.lr",
        "2:37  train.epochs",
        "2:73  train.optimizer.momentum",
        "4:3  model.widht",  # and width, which it stands for, is not called missing
        "5:10  model.depth",
        "6:35  model.activation.slope",
        "7:18  model.init.scheme",  # and std is not judged by a scheme that is wrong
        "8:10  expect[0]",
        "8:35  expect[2]",
        "-s record.every=0  record.every",
    ]


def test_example_of_the_manual(tmp_path):
    text = BASE.replace("width:", "widht:").replace("lr: 0.01", "lr: fast")
    assert len(faults_of(tmp_path, text.encode())) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing.yaml", "no such file"),
        (lambda folder: folder / "bas.yaml", "no such file. Did you mean 'FOLDER/base.yaml'?"),
        (lambda folder: folder / "base", "no such file. Did you mean 'FOLDER/base.yaml'?"),
        (lambda folder: folder, "is a directory"),
        (lambda folder: folder / "base.yaml" / "below", "cannot be read: Not a directory"),
        (lambda folder: folder / ("long" * 100), "cannot be read: File name too long"),
        (lambda folder: folder / "a\0b", "cannot be read"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_read(tmp_path, make, message):
    (tmp_path / "base.yaml").write_text(BASE)
    with pytest.raises(ConfigError) as caught:
        document.read(make(tmp_path))
    assert message.replace("FOLDER", str(tmp_path)) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_link_to_a_config_that_is_gone(tmp_path):
    (tmp_path / "net.yaml").symlink_to("gone.yaml")
    with pytest.raises(ConfigError, match=r"net\.yaml  is a link to gone\.yaml, where there is nothing"):
        document.read(tmp_path / "net.yaml")


def test_there_are_a_hundred():
    assert len(EDITS) + len(FILES) >= 100
