"""What becomes of errors, and of streams that end early."""

import sys
from pathlib import Path

import pytest

from gradlab.cli import main as main_module
from gradlab.cli.main import _OTHER_OPTIONS, _OTHER_VERBS, app, commands, main
from gradlab.errors import ConfigError, Fault, InterruptedRunError, RunFailedError, SelectionError, UsageError


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make every command raise."""

    def app(**kwargs: object) -> None:
        raise error

    monkeypatch.setattr(main_module, "commands", lambda: app)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a remedy"), 2),
        (RunFailedError("a remedy"), 3),
        (SelectionError("a remedy"), 5),
        (InterruptedRunError("a remedy"), 130),
    ],
)
def test_an_error_of_the_user_is_its_message_and_its_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, error)
    assert main([]) == code
    assert capsys.readouterr() == ("", "a remedy\n")


@pytest.mark.parametrize(("number", "end"), [(1, "1 error; nothing was run."), (3, "3 errors; nothing was run.")])
def test_config_faults_are_a_line_each_and_counted(
    number: int, end: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ConfigError([Fault("a.yaml:1:2", f"model.x{row}", "unknown key") for row in range(number)]))
    assert main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [*(f"a.yaml:1:2  model.x{row}: unknown key" for row in range(number)), end]


def test_a_bug_is_one_line_with_where_the_traceback_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    raising(monkeypatch, ZeroDivisionError("a\nlong story"))
    assert main([]) == 1
    out, err = capsys.readouterr()
    (file,) = tmp_path.iterdir()
    assert (out, err) == ("", f"gradlab: internal error: ZeroDivisionError: a long story; the traceback is in {file}\n")
    assert file.read_text().startswith("Traceback")


def test_a_bug_without_room_for_its_traceback_prints_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    raising(monkeypatch, ZeroDivisionError("x"))
    assert main([]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_outside_training_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert main([]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_output_without_room_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    raising(monkeypatch, OSError(28, "No space left on device"))
    assert main([]) == 2
    assert capsys.readouterr().err == "cannot write the output: No space left on device\n"


def test_streams_that_were_closed_before_are_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["schema"]) == 0
    assert main(["show", "nothing"]) == 5


def test_no_words_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert "Commands:" in out + err


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (["run", "a.yaml", "depth=100"], "(depth=100); a field is set with -s, as in -s depth=100\n"),
        (["run", "a.yaml", "b.yaml"], "(b.yaml)\n"),
        (
            ["run", "a.yaml", "-s", "model.depth", "=", "100"],
            "(= 100); a field is set without blanks, as in -s model.depth=100\n",
        ),
        (
            ["run", "a.yaml", "--epochs", "5"],
            "No such option: --epochs; a field is set with -s, as in -s train.epochs=VALUE",
        ),
        (["predict", "a.yaml", "--learning-rate", "1"], "as in -s train.lr=VALUE"),
        (["train", "a.yaml"], "No such command 'train'. Did you mean 'run'?\n"),
        (["Remove", "x"], "Did you mean 'rm'?\n"),
        (["help"], "Did you mean '--help'?\n"),
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?\n"),
        (["run", "a.yaml", "--seed", "5"], "No such option: --seed; a field is set with -s, as in -s seed=VALUE"),
        (["compare", "a", "b", "--epochs", "5"], "No such option: --epochs\n"),
        (["list", "--json"], "No such option: --json; write --format json\n"),
        (["run", "a.yaml", "--force"], "No such option: --force; write --rerun always\n"),
        (["run", "a.yaml", "--output", "x"], "No such option: --output; write --out DIR\n"),
        (["sweep", "a.yaml", "-j", "2"], "No such option: -j; write --workers N\n"),
        (["run", "a.yaml", "--jobs", "2"], "No such option: --jobs\n"),
        (["export", "x", "--to", "parquet"], "Invalid value for '--to': 'parquet' is not one of"),
    ],
)
def test_words_that_a_command_does_not_take_are_refused_in_plain_words(
    words: list[str], end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert end in told
    assert "Value error" not in told


def test_what_other_tools_call_a_verb_is_none_of_ours_and_means_one() -> None:
    verbs = {command.name for command in app.registered_commands}
    assert not set(_OTHER_VERBS) & verbs
    assert set(_OTHER_VERBS.values()) <= verbs | {"--help", "--version"}


def test_what_other_tools_call_an_option_is_none_of_a_command_that_has_what_it_is() -> None:
    taken = [
        {option for one in command.params for option in one.opts}
        for command in commands().commands.values()  # type: ignore[attr-defined]
    ]
    for other, written in _OTHER_OPTIONS.items():
        having = [options for options in taken if written.split()[0] in options]
        assert having
        if written != "--out DIR":  # `-o, --output` is a file where a command writes one
            assert not any(other in options for options in having), other
