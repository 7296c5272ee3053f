"""Broken configs of networks beyond the plain stack: each is one line with its place and what would be right, and exit code 2."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gradlab.cli.main import main
from gradlab.config.reading import document
from gradlab.errors import ConfigError

BASE = """\
name: base
model:
  kind: dense
  depth: 5
  width: 10
  activation: relu
  init: he
data: {source: digits, batch_size: 64}
train: {steps: 20}
record: {every: 1}
"""
CONV = BASE.replace("kind: dense", "kind: conv")

NONE_OR_NORM = "expected none, batch, layer, rms or a mapping (keys: kind, position, eps, affine), got "
NONE_OR_SCALE = "expected none, a number >= 0 or 1/sqrt(depth), got "
SCALE = "expected a number >= 0 or 1/sqrt(depth), got "
OR_KEYS = "or a mapping (keys: scale, learned, layers, position), got "
SIZES = "expected [channels, height, width], three whole numbers >= 1, got "
ITEM = "expected a whole number >= 1: an image is [channels, height, width]"
NOT_CONV = "belongs to kind conv, and this network is dense: leave it out, or write kind: conv"

# What stands in place of the line `init: he`, the column of the fault in it, its path, its message.
DENSE = [
    # Normalisation.
    ("norm: bacth", 9, "model.norm", "unknown name 'bacth'. Did you mean 'batch'?"),
    ("norm: batches", 9, "model.norm", "unknown name 'batches'. Did you mean 'batch'?"),
    ("norm: LayerNorms", 9, "model.norm", "unknown name 'LayerNorms'. Did you mean 'layer'?"),
    ("norm: RMSE", 9, "model.norm", "unknown name 'RMSE'. Did you mean 'rms'?"),
    ("norm: instance", 9, "model.norm", "unknown name 'instance' (one of: none, batch, layer, rms)"),
    ("norm: off", 9, "model.norm", "unknown name 'off' (one of: none, batch, layer, rms)"),
    ("norm: ''", 9, "model.norm", "unknown name '' (one of: none, batch, layer, rms)"),
    ("norm: 1", 9, "model.norm", f"{NONE_OR_NORM}1"),
    ("norm: true", 9, "model.norm", f"{NONE_OR_NORM}true"),
    ("norm: false", 9, "model.norm", f"{NONE_OR_NORM}false (write none)"),
    ("norm: [batch]", 9, "model.norm", f"{NONE_OR_NORM}a list"),
    ("norm: {}", 3, "model.norm.kind", "missing, and it has no default (one of: batch, layer, rms)"),
    ("norm: {position: after}", 3, "model.norm.kind", "missing, and it has no default (one of: batch, layer, rms)"),
    ("norm: {kind: none}", 16, "model.norm.kind",
     "unknown name 'none' (one of: batch, layer, rms) (to have none write norm: none)"),
    ("norm: {kind: group}", 16, "model.norm.kind", "unknown name 'group' (one of: batch, layer, rms)"),
    ("norm: {kind: 2}", 16, "model.norm.kind", "expected one of batch, layer, rms, got 2"),
    ("norm: {kind: batch, positoin: after}", 23, "model.norm.positoin", "unknown key. Did you mean 'position'?"),
    ("norm: {kind: batch, running: true}", 23, "model.norm.running",
     "unknown key (known here: kind, position, eps, affine)"),
    ("norm: {kind: batch, position: pre}", 33, "model.norm.position", "unknown name 'pre' (one of: before, after)"),
    ("norm: {kind: batch, position: afters}", 33, "model.norm.position", "unknown name 'afters'. Did you mean 'after'?"),
    ("norm: {kind: batch, eps: -1}", 28, "model.norm.eps", "expected a number >= 0, got -1"),
    ("norm: {kind: layer, eps: '1e-5'}", 28, "model.norm.eps",
     "expected a number >= 0, got '1e-5' (a text: remove the quotes)"),
    ("norm: {kind: layer, eps: .inf}", 28, "model.norm.eps", "expected a number >= 0, got .inf, which is not finite"),
    ("norm: {kind: layer, affine: yes}", 31, "model.norm.affine", "expected true or false, got 'yes' (write true)"),
    ("norm: {kind: layer, affine: 1}", 31, "model.norm.affine", "expected true or false, got 1"),
    # Skip connections.
    ("residual: -1", 13, "model.residual", f"{NONE_OR_SCALE}-1"),
    ("residual: yes", 13, "model.residual", f"{NONE_OR_SCALE}'yes'"),
    ("residual: rezero", 13, "model.residual", f"{NONE_OR_SCALE}'rezero'"),
    ("residual: sqrt(depth)", 13, "model.residual",
     f"{NONE_OR_SCALE}'sqrt(depth)'. Did you mean '1/sqrt(depth)'?"),
    ("residual: 1/sqrt(L)", 13, "model.residual", f"{NONE_OR_SCALE}'1/sqrt(L)'. Did you mean '1/sqrt(depth)'?"),
    ("residual: '1'", 13, "model.residual", f"{NONE_OR_SCALE}'1' (a text: remove the quotes)"),
    ("residual: .nan", 13, "model.residual", f"{NONE_OR_SCALE}nan, which is not finite"),
    ("residual: true", 13, "model.residual", f"{NONE_OR_SCALE.removesuffix(', got ')} {OR_KEYS}true (write 1)"),
    ("residual: false", 13, "model.residual", f"{NONE_OR_SCALE.removesuffix(', got ')} {OR_KEYS}false (write none)"),
    ("residual: [1]", 13, "model.residual", f"{NONE_OR_SCALE.removesuffix(', got ')} {OR_KEYS}a list"),
    ("residual: {scale: -0.5}", 21, "model.residual.scale", f"{SCALE}-0.5"),
    ("residual: {scale: none}", 21, "model.residual.scale", f"{SCALE}'none' (to have none write residual: none)"),
    ("residual: {scale: true}", 21, "model.residual.scale", f"{SCALE}true"),
    ("residual: {scale: [1]}", 21, "model.residual.scale", f"{SCALE}a list"),
    ("residual: {scale: 1e999}", 21, "model.residual.scale", f"{SCALE}1e999, which is not finite"),
    ("residual: {scal: 1}", 14, "model.residual.scal", "unknown key. Did you mean 'scale'?"),
    ("residual: {learned: yes}", 23, "model.residual.learned", "expected true or false, got 'yes' (write true)"),
    ("residual: {layers: 3}", 22, "model.residual.layers", "expected a whole number >= 1 and <= 2, got 3"),
    ("residual: {layers: 1.0}", 22, "model.residual.layers", "expected a whole number >= 1 and <= 2, got 1.0 (write 1)"),
    ("residual: {position: before}", 24, "model.residual.position", "unknown name 'before' (one of: pre, post)"),
    ("residual: {position: post-sum}", 24, "model.residual.position",
     "unknown name 'post-sum'. Did you mean 'post'?"),
    # What dense layers have not.
    ("kernel: 3", 11, "model.kernel", NOT_CONV),
    ("padding: circular", 12, "model.padding", NOT_CONV),
    ("pool: flatten", 9, "model.pool", NOT_CONV),
    ("kernal: 3", 3, "model.kernal", "unknown key. Did you mean 'kernel'?"),
    ("heads: 4", 3, "model.heads", "unknown key (known here: kind, depth, width, activation, norm, residual"),
    ("init: delta_orthogonal", 9, "model.init", "delta_orthogonal is for kind conv; use orthogonal for kind dense"),
    ("readout_init: delta_orthogonal", 17, "model.readout_init",
     "the readout is a dense layer, which has no kernel; use orthogonal"),
]  # fmt: skip

CONVOLUTIONAL = [
    ("kernel: 4", 11, "model.kernel", "expected an odd number, got 4: write 3 or 5"),
    ("kernel: 0", 11, "model.kernel", "expected a whole number >= 1, got 0"),
    ("kernel: 3.0", 11, "model.kernel", "expected a whole number >= 1, got 3.0 (write 3)"),
    ("kernel: [3, 3]", 11, "model.kernel", "expected a whole number >= 1, got a list"),
    ("kernel: 3x3", 11, "model.kernel", "expected a whole number >= 1, got '3x3'"),
    ("kernel: 9", 11, "model.kernel", "a kernel of 9 is larger than the image, 8 × 8: at most 7"),
    ("padding: same", 12, "model.padding", "unknown name 'same' (one of: circular, zeros)"),
    ("padding: zeroes", 12, "model.padding", "unknown name 'zeroes'. Did you mean 'zeros'?"),
    ("padding: 1", 12, "model.padding", "expected one of circular, zeros, got 1"),
    ("pool: max", 9, "model.pool", "unknown name 'max' (one of: mean, flatten)"),
    ("pool: none", 9, "model.pool", "unknown name 'none' (one of: mean, flatten)"),
    ("readout_init: delta_orthogonal", 17, "model.readout_init",
     "the readout is a dense layer, which has no kernel; use orthogonal"),
    ("init: {scheme: delta_orthogonal, distribution: uniform}", 50, "model.init.distribution",
     "delta_orthogonal sets its own distribution"),
    ("init: {scheme: delta_orthogonal, std: 1}", 41, "model.init.std",
     "std belongs to scheme normal; delta_orthogonal sets its own (gain scales it)"),
]  # fmt: skip

KINDS = [
    ("recurrent", "unknown name 'recurrent' (one of: dense, conv, module)"),
    ("transformer", "unknown name 'transformer' (one of: dense, conv, module)"),
    ("convolved", "unknown name 'convolved'. Did you mean 'conv'?"),
    ("Densely", "unknown name 'Densely'. Did you mean 'dense'?"),
    ("5", "expected one of dense, conv, got 5"),
    ("null", "expected one of dense, conv, got null (leave the key out for its default)"),
    ("[conv]", "expected one of dense, conv, got a list"),
]

# What follows the batch size, the column of the fault in the line, its path, its message.
IMAGES = [
    (", image: [1, 8]", 47, "data.image", f"{SIZES}2"),
    (", image: [1, 8, 8, 1]", 47, "data.image", f"{SIZES}4"),
    (", image: []", 47, "data.image", f"{SIZES}0"),
    (", image: 8", 47, "data.image", f"{SIZES}8"),
    (", image: 8x8", 47, "data.image", f"{SIZES}'8x8'"),
    (", image: {height: 8}", 47, "data.image", f"{SIZES}a mapping"),
    (", image: [1, 8, 8.0]", 54, "data.image[2]", ITEM),
    (", image: [1, 8, '8']", 54, "data.image[2]", ITEM),
    (", image: [1, 0, 64]", 51, "data.image[1]", ITEM),
    (", image: [true, 8, 8]", 48, "data.image[0]", ITEM),
    (", image: [3, 8, 8]", 47, "data.image", "3 × 8 × 8 is 192 inputs an example, and the data have 64"),
    (", image: [1, 2, 32]", 47, "data.image",
     "an image of 2 × 32 is smaller than the kernel of 3: give model.kernel: 1"),
    (", imgae: [1, 8, 8]", 40, "data.imgae", "unknown key. Did you mean 'image'?"),
]  # fmt: skip

# A config, what is set, which of it is at fault (from 1), its path, its message.
OVERRIDES = [
    (BASE, ["model.norm.kind=foo"], 1, "model.norm.kind", "unknown name 'foo' (one of: batch, layer, rms)"),
    (BASE, ["model.norm=batch", "model.norm.eps=-1"], 2, "model.norm.eps", "expected a number >= 0, got -1"),
    (BASE, ["model.norm.position=after"], 1, "model.norm.kind",
     "missing, and it has no default (one of: batch, layer, rms)"),
    (BASE, ["model.norm=5", "model.norm.eps=1"], 1, "model.norm", f"{NONE_OR_NORM}5"),
    (BASE, ["model.residual.scale=x"], 1, "model.residual.scale", f"{SCALE}'x'"),
    (BASE, ["model.residual=0.5", "model.residual.layers=5"], 2, "model.residual.layers",
     "expected a whole number >= 1 and <= 2, got 5"),
    (BASE, ["model.residual.scale.x=1"], 1, "model.residual.scale", f"{SCALE}a mapping"),
    (BASE, ["model.residual=1", "model.depth=1"], 1, "model.residual",
     "needs model.depth 2 or more: a layer that leads in, and a block"),
    (BASE, ["model.norm={kind: layer, position: after}", "model.residual.position=post"], 1, "model.norm.position",
     "after the activation goes with residual.position pre; with post, normalisation is part of the branch: use before"),
    (BASE, ["model.norm=batch", "data.batch_size=1"], 2, "data.batch_size",
     "batch normalisation needs 2 examples or more a step; use norm layer or rms, which take one at a time"),
    (BASE, ["model.kernel=3"], 1, "model.kernel", NOT_CONV),
    (BASE, ["model.init=delta_orthogonal"], 1, "model.init",
     "delta_orthogonal is for kind conv; use orthogonal for kind dense"),
    (BASE, ["data.image=[1, 8, 8]"], 1, "data.image",
     "belongs to model.kind conv, and this network is dense: leave it out, or write model.kind: conv"),
    (BASE, ["model.norm=rms", "record.spectrum=1"], 2, "record.spectrum",
     "the Jacobian is that of a plain dense network, and this one has model.norm rms: ask for other quantities"),
    (BASE, ["model.residual=1", "record.quantities=jacobian_log10_s_max"], 2, "record.quantities",
     "the Jacobian is that of a plain dense network, and this one has model.residual 1: ask for other quantities"),
    (CONV, ["record.spectrum=1"], 1, "record.spectrum",
     "the Jacobian is that of a plain dense network, and this one has model.kind conv: ask for other quantities"),
    (CONV, ["model.kernel=11"], 1, "model.kernel", "a kernel of 11 is larger than the image, 8 × 8: at most 7"),
    (CONV, ["data.source=wine"], 1, "data.image",
     "model.kind conv needs data.image: [channels, height, width] for source wine; the data have 13 features"),
    (CONV, ["data={source: noise, features: 49}", "data.image=[1, 7, 6]"], 2, "data.image",
     "1 × 7 × 6 is 42 inputs an example, and the data have 49"),
    (CONV, ["data={source: file, path: x.csv, target: y}"], 1, "data.image",
     "model.kind conv needs data.image: [channels, height, width] for source file"),
    (CONV, ["model.kind=dense", "model.pool=mean"], 2, "model.pool", NOT_CONV),
]  # fmt: skip


def refused(text: str, folder: Path, overrides: Sequence[str] = ()) -> str:
    """The one line of a config that is refused with exit code 2, without the file's name."""
    config = folder / "broken.yaml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        document.read(config, overrides)
    assert caught.value.exit_code == 2
    (fault,) = caught.value.faults
    return str(fault).removeprefix(f"{config}:")


@pytest.mark.parametrize(
    ("base", "line", "column", "path", "message"),
    [(BASE, *case) for case in DENSE] + [(CONV, *case) for case in CONVOLUTIONAL],
    ids=[case[0] for case in DENSE + CONVOLUTIONAL],
)
def test_a_network_is_refused_at_its_place(
    base: str, line: str, column: int, path: str, message: str, tmp_path: Path
) -> None:
    fault = refused(base.replace("init: he", line), tmp_path)
    assert fault.startswith(f"7:{column}  {path}: {message}"), fault


@pytest.mark.parametrize(("kind", "message"), KINDS)
def test_a_kind_that_there_is_not_is_refused(kind: str, message: str, tmp_path: Path) -> None:
    assert refused(BASE.replace("dense", kind), tmp_path) == f"3:9  model.kind: {message}"


@pytest.mark.parametrize(("image", "column", "path", "message"), IMAGES)
def test_images_are_refused_at_their_place(image: str, column: int, path: str, message: str, tmp_path: Path) -> None:
    fault = refused(CONV.replace(": 64", f": 64{image}"), tmp_path)
    assert fault == f"8:{column}  {path}: {message}"


@pytest.mark.parametrize(
    ("base", "overrides", "at", "path", "message"), OVERRIDES, ids=[" ".join(case[1]) for case in OVERRIDES]
)
def test_what_is_set_is_refused_by_name(
    base: str,
    overrides: list[str],
    at: int,
    path: str,
    message: str,
    tmp_path: Path,
) -> None:
    assert refused(base, tmp_path, overrides) == f"-s {overrides[at - 1]}  {path}: {message}"


def test_several_faults_come_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = CONV.replace("init: he", "norm: bacth\n  residual: {scale: -1, layers: 3}\n  kernel: 4")
    broken = broken.replace(": 64}", ": 64, image: [1, 0, 8]}")
    (tmp_path / "broken.yaml").write_text(broken)
    assert main(["check", str(tmp_path / "broken.yaml")]) == 2
    *faults, last = capsys.readouterr().err.splitlines()
    assert [fault.split(": ")[0].split(":", 1)[1] for fault in faults] == [
        "7:9  model.norm",
        "8:21  model.residual.scale",
        "8:33  model.residual.layers",
        "9:11  model.kernel",
        "10:51  data.image[1]",
    ]
    assert last == "5 errors; nothing was run."


def test_there_are_enough() -> None:
    assert len(DENSE) + len(CONVOLUTIONAL) + len(KINDS) + len(IMAGES) + len(OVERRIDES) >= 100
