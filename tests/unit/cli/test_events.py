"""Server-sent events, as lines of bytes."""

from __future__ import annotations

from skerry.cli.events import Event, parse


def test_events_have_a_kind_a_number_and_data() -> None:
    lines = [b"id: e:8\n", b"event: fact\n", b'data: {"a": 1}\n', b"\n"]

    assert list(parse(lines)) == [Event("fact", {"a": 1}, "e:8")]


def test_a_number_belongs_to_one_event_only() -> None:
    lines = [b"id: e:8\n", b"event: fact\n", b"data: 1\n", b"\n", b"event: progress\n", b"data: 2\n", b"\n"]

    assert [event.id for event in parse(lines)] == ["e:8", None]


def test_comments_unknown_fields_and_events_without_data_are_skipped() -> None:
    lines = [
        b": still here\n",
        b"\n",
        b"retry: 5\n",
        b"event: fact\n",
        b"\n",
        b"event: hello\n",
        b"data: {}\n",
        b"\n",
    ]

    assert [event.kind for event in parse(lines)] == ["hello"]


def test_data_in_several_lines_is_one() -> None:
    assert [event.data for event in parse([b"event: fact\n", b"data: [1,\r\n", b"data:2]\n", b"\n"])] == [[1, 2]]


def test_an_event_that_was_cut_off_is_not_told() -> None:
    assert not list(parse([b"event: fact\n", b'data: {"a": 1}\n']))
