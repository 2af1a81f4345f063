"""Facts about all operations that are declared."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from skerry.errors import BadInput, NotFound, TooLarge
from skerry.host.call import parse_arguments
from skerry.host.operation import OPERATIONS, Operation, Permission, Target
from skerry.host.operations import every

ALL = sorted(name for name in OPERATIONS if not name.startswith("test."))
# Packages of other extras.
NOT_ON_NODES = (
    "fastapi",
    "sqlalchemy",
    "dbos",
    "alembic",
    "pykickstart",
    "uvicorn",
    "psycopg",
    "argon2",
    "textual",
)


@pytest.fixture(params=ALL)
def declared(request: pytest.FixtureRequest) -> Operation[Any, Any]:
    return OPERATIONS[request.param]


def test_the_list_is_complete() -> None:
    assert len(every.MODULES) == 11
    assert {"vm.list", "vm.start", "volume.clone", "volume.import", "upload.open", "host.show"} <= set(ALL)


def test_an_operation_says_what_it_does(declared: Operation[Any, Any]) -> None:
    assert isinstance(declared.permission, Permission)
    assert declared.summary.endswith(".")
    assert declared.summary[0].isupper()
    assert declared.arguments.__doc__


def test_an_operation_on_a_machine_names_it(declared: Operation[Any, Any]) -> None:
    assert (declared.target is Target.VM) == (
        "uuid" in declared.arguments.model_fields and declared.name != "vm.create"
    )


def test_what_changes_things_needs_more_than_looking(declared: Operation[Any, Any]) -> None:
    looks = declared.name.rpartition(".")[2] in {"list", "show", "xml", "addresses", "snapshot-list"}
    views = {Permission.HOST_VIEW, Permission.VM_VIEW, Permission.STORAGE_VIEW, Permission.NETWORK_VIEW}

    if not looks:
        assert declared.permission not in views


def test_arguments_are_bounded(declared: Operation[Any, Any]) -> None:
    for path, part in _parts(declared.arguments.model_json_schema(), declared.name):
        if part.get("type") == "string":
            fixed = not {"*", "+"} & set(part.get("pattern", "*"))  # such as the pattern of a MAC address
            assert {"maxLength", "format", "enum", "const"} & part.keys() or fixed, f"{path} has no limit"
        if part.get("type") == "array":
            assert "maxItems" in part, f"{path} has no limit"


def _parts(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All parts of a JSON schema."""
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            yield from _parts(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value, path)


def test_arguments_come_as_json() -> None:
    declared, args = parse_arguments(
        "vm.rename", '{"uuid": "11111111-1111-4111-8111-111111111111", "name": "one"}'
    )

    assert declared.name == "vm.rename"
    assert args.model_dump()["name"] == "one"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{}", "uuid: Field required"),
        ('{"uuid": "x", "name": "one"}', "uuid: "),
        ('{"uuid": "11111111-1111-4111-8111-111111111111", "name": "a/b"}', "name: "),
        ('{"uuid": "11111111-1111-4111-8111-111111111111", "name": "a", "more": 1}', "more: "),
        ("not json", "all: "),
    ],
)
def test_wrong_arguments_are_all_named(document: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_arguments("vm.rename", document)


def test_a_message_has_a_limit() -> None:
    with pytest.raises(TooLarge, match=r"vm\.rename"):
        parse_arguments("vm.rename", '{"name": "' + "x" * 10**7 + '"}')


def test_what_is_refused_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        parse_arguments("volume.seed", '{"user_data": ["hunter2"]}')

    assert "hunter2" not in caught.value.message


def test_secrets_are_not_shown_with_their_arguments() -> None:
    args = OPERATIONS["volume.seed"].arguments.model_validate(
        {
            "storage_pool": "skerry",
            "name": "seed",
            "instance_id": "i",
            "hostname": "h",
            "user_data": "hunter2",
            "origin": "t",
        }
    )

    assert "hunter2" not in repr(args)


def test_an_unknown_operation_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"no operation 'vm\.fly'"):
        parse_arguments("vm.fly", "{}")


def test_a_host_needs_only_what_nodes_have() -> None:
    refuse = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOT_ON_NODES!r}:
            raise ImportError(name + " is not on nodes")
sys.meta_path.insert(0, Refuse())
import skerry.host.operations.every, skerry.host.real, skerry.link.local
"""
    subprocess.run([sys.executable, "-c", refuse], check=True)
