"""A machine's definition, printed and edited."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.cli.conftest import Skerry
from tests.integration.cli.fake_server import Fake, Reply, problem

XML = "<domain>\n  <name>web1</name>\n</domain>\n"
WHERE = "/vms/web1/definition"


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that replaces web1 by web2, for as long as it runs."""
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\necho run >> "$0.runs"\nsed -i s/web1/web2/ "$2"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"{script} --wait")
    return script


@pytest.fixture
def defined(fake: Fake) -> Fake:
    fake.on("GET", WHERE, {"xml": XML, "etag": "e1"})
    fake.on("POST", f"{WHERE}/check", lambda request: {"xml": request.json["xml"], "etag": ""})
    fake.on("PUT", WHERE, lambda request: {"xml": request.json["xml"], "etag": "e2"})
    return fake


def test_xml_prints_the_definition(skerry: Skerry, defined: Fake) -> None:
    assert skerry("vm", "xml", "web1").out == XML


def test_edit_checks_shows_the_difference_and_saves_only_over_what_it_read(
    skerry: Skerry, defined: Fake, editor: Path
) -> None:
    result = skerry("vm", "edit", "web1")

    assert result.status == 0, result.err
    assert "-  <name>web1</name>\n+  <name>web2</name>\n" in result.err
    [saved] = defined.got("PUT", WHERE)
    assert saved.headers["if-match"] == '"e1"'
    assert saved.json == {"xml": XML.replace("web1", "web2")}


def test_edit_without_a_change_saves_nothing(
    skerry: Skerry, defined: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "true")

    result = skerry("vm", "edit", "web1")

    assert (result.status, result.err) == (0, "nothing changed\n")
    assert not defined.got("PUT", WHERE)


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (("POST", f"{WHERE}/check", problem("bad-definition", 422, "no such element")), 2),
        (("PUT", WHERE, problem("changed", 412, "web1 changed since it was read")), 6),
    ],
)
def test_a_definition_that_is_not_taken_is_kept_in_a_file(
    skerry: Skerry, defined: Fake, editor: Path, refusal: tuple[str, str, Reply], status: int
) -> None:
    defined.on(*refusal)

    result = skerry("vm", "edit", "web1")

    assert result.status == status
    kept = Path(result.err.partition("your text is kept in ")[2].partition("\n")[0])
    assert kept.read_text() == XML.replace("web1", "web2")
    assert editor.with_name("editor.runs").read_text() == "run\n"


def test_an_editor_that_fails_saves_nothing(
    skerry: Skerry, defined: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "false")

    result = skerry("vm", "edit", "web1")

    assert result.status == 1
    assert "the editor ended with status 1" in result.err
    assert "kept" not in result.err
    assert not defined.got("PUT", WHERE)
