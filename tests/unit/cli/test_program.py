"""The shape of the whole command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skerry.cli import reference
from skerry.cli.groups import Lazy
from skerry.cli.main import NOUNS, main, root, run_command
from skerry.cli.program import COMMON, Run, typer

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def commands(command: Any, context: Any) -> Iterator[Any]:
    """Every command below this one."""
    if not hasattr(command, "list_commands"):
        yield command
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        yield from commands(below, typer.Context(below, parent=context, info_name=name))


def every_command() -> list[Any]:
    whole = root()
    return list(commands(whole, typer.Context(whole, info_name="skerry")))


def test_every_command_says_what_it_does_in_one_sentence() -> None:
    for command in every_command():
        first = (command.help or "").strip().splitlines()[0]
        assert first[:1].isupper(), command.name
        assert first.rstrip().endswith((".", ",", ":")) or len(first) > 60, command.name


def test_every_option_is_explained() -> None:
    for command in every_command():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, f"{command.name} {parameter.name}"


def test_json_debug_and_server_belong_to_every_command_of_ours() -> None:
    for command in every_command():
        names = {parameter.name for parameter in command.params}
        assert set(COMMON) <= names, command.name


def test_the_page_of_the_reference_is_current() -> None:
    _, _, page = PAGE.read_text().partition("-->\n\n")

    assert page == reference.commands_page(), "`make docs` writes it anew"


def test_the_reference_names_every_noun_and_its_verbs() -> None:
    page = reference.commands_page()

    for words in (*NOUNS, "vm create", "vm disk resize", "vm snapshot revert", "task log", "image build"):
        assert f"# skerry {words}\n" in page


def test_without_words_the_nouns_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in NOUNS)


def test_to_list_the_nouns_imports_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "skerry.cli.user", raising=False)

    main(["--help"])

    assert capsys.readouterr().out
    assert "skerry.cli.user" not in sys.modules


def test_a_noun_without_a_verb_lists_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vm"]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "snapshot" in captured.err


@pytest.mark.parametrize(
    ("arguments", "slow"),
    [
        (["vm", "ls", "-q", "web", "--json"], {"pydantic", "rich", "asyncio", "websockets", "lxml"}),
        (["image", "build", "missing.ks", "-o", "."], {"pydantic", "rich", "websockets", "lxml"}),
    ],
    ids=["vm ls", "image build"],
)
def test_a_short_command_imports_nothing_slow(arguments: list[str], slow: set[str]) -> None:
    code = (
        f"import sys; from skerry.cli.main import main; main({arguments!r});"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not slow & set(answer.stdout.split())


def _noun(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(NOUNS, "broken", Lazy(module, "Breaks."))


def test_a_part_that_is_not_installed_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _noun(monkeypatch, "package_that_is_nowhere")

    assert main(["broken"]) == 1

    assert capsys.readouterr().err == (
        "error: this part of Skerry is not installed here: the Python package package_that_is_nowhere is missing\n"
        "hint: pip install 'skerry[all]'\n"
    )


@pytest.fixture
def buggy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A noun with a bug."""
    (tmp_path / "buggy_noun.py").write_text(
        "from skerry.cli.program import Run, single\n"
        "def broken(run: Run) -> None:\n"
        '    """Break."""\n'
        "    {}['x']\n"
        "app = single(broken)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    _noun(monkeypatch, "buggy_noun")


def test_a_bug_shows_no_traceback(buggy: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["broken"]) == 1

    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.splitlines()[1].startswith("hint: this is a bug; run it again with --debug")


def test_with_debug_a_bug_shows_where_it_is(buggy: None, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(Run(), ["broken", "--debug"])

    assert "buggy_noun.py" in capsys.readouterr().err
