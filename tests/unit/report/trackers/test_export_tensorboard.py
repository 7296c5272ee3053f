"""What TensorBoard's own reader gives back."""

import errno
import math
import sys
from pathlib import Path

import pytest
from made.deep_runs import record, stored
from made.exported_runs import (
    assert_equal,
    diverged,
    every_kind,
    order,
    parsed,
    points,
    recorded,
    shallow,
    single,
    tensorboard_reader,
    tensorboard_scalars,
)

from gradlab.errors import UsageError
from gradlab.report.trackers import tensorboard as adapter
from gradlab.report.trackers.contents import contents_of
from gradlab.report.views.run import view

pytest.importorskip("tensorboard")


def texts(place: Path) -> dict[str, str]:
    """Every text by its tag."""
    reader = tensorboard_reader(place)
    tags = reader.PluginTagToContent("text")
    return {tag: reader.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in tags}


@pytest.mark.parametrize("run", [diverged(), every_kind(), shallow(), stored(12)], ids=lambda run: run.name)
def test_the_reader_gives_back_every_figure(run, tmp_path: Path) -> None:
    contents = contents_of(run)
    place = adapter.write(contents, tmp_path / "logs")
    assert place == tmp_path / "logs" / run.path.name
    found = tensorboard_scalars(place)
    assert_equal(parsed(found), single(recorded(run.record)))
    assert_equal({name: found[name] for name in points(contents)}, single(points(contents)))
    assert order(list(found))["forward_rms"] == [row + 1 for row in view(run).worst_first]


def test_times_are_those_of_training(tmp_path: Path) -> None:
    run = stored(2, record(2, steps=20, every=5))
    reader = tensorboard_reader(adapter.write(contents_of(run), tmp_path))
    events = reader.Scalars("loss")
    assert [event.step for event in events] == [0, 5, 10, 15]
    assert events[3].wall_time == pytest.approx(1767225600 + 15 / 241.3)


def test_words_and_settings(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import api_pb2, metadata

    run = diverged()
    place = adapter.write(contents_of(run), tmp_path)
    found = texts(place)
    assert found["config"].startswith("```yaml\nname: deep_sigmoid\n")
    assert "it's <script>gone</script> | 🎆 ‮abc; remedy: clip" in found["findings"]
    assert "| verdict | diverged |" in found["tags"]
    assert "# deep_sigmoid: diverged" in found["summary"]
    reader = tensorboard_reader(place)
    told = reader.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    hparams = metadata.parse_session_start_info_plugin_data(told).hparams
    assert hparams["model.depth"].number_value == 4
    assert hparams["model.init.scheme"].string_value == "xavier"
    assert hparams["data.standardize"].bool_value is True
    assert hparams["verdict"].string_value == "diverged"
    experiment = metadata.parse_experiment_plugin_data(
        reader.SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    )
    assert {info.name for info in experiment.hparam_infos} == set(hparams)
    assert {info.name.tag for info in experiment.metric_infos} <= set(tensorboard_scalars(place))
    ended = metadata.parse_session_end_info_plugin_data(
        reader.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    )
    assert ended.status == api_pb2.STATUS_SUCCESS


def test_what_float32_does_not_hold_is_counted(tmp_path: Path) -> None:
    contents = contents_of(diverged())
    assert contents.beyond_float32 == {"grad_norm": 3, "grad_rms": 3}
    words = adapter.in_words(contents)
    assert words.startswith("6 figures beyond TensorBoard's float32")
    assert texts(adapter.write(contents, tmp_path))["beyond_float32"] == words
    values = parsed(tensorboard_scalars(tmp_path / "blown_up-aaaaaaaaaaaa"))["grad_norm", 1]
    assert values[0] == math.inf
    assert values[5] == 0
    assert adapter.in_words(contents_of(stored(3))) == ""


def test_it_is_written_once(tmp_path: Path) -> None:
    contents = contents_of(shallow())
    (file,) = adapter.write(contents, tmp_path).iterdir()
    before = file.read_bytes()
    with pytest.raises(UsageError, match="is there already and is not overwritten; remove it"):
        adapter.write(contents, tmp_path)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["shallow-bbbbbbbbbbbb"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_half_a_file_is_not_left_behind(error, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    written = []

    def write(self, data: bytes) -> None:
        if len(written) == 7:
            raise error
        written.append(data)

    monkeypatch.setattr(RecordWriter, "write", write)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UsageError):
        adapter.write(contents_of(stored(3)), tmp_path / "new")
    assert len(written) == 7
    assert not list(tmp_path.iterdir())


def test_neither_torch_nor_tensorflow_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "tensorflow", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    assert tensorboard_scalars(adapter.write(contents_of(shallow()), tmp_path))["loss"]
