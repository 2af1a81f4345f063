"""The words that a shell completes are those that the server and the library take."""

from __future__ import annotations

from skerry.api import openapi
from skerry.api.app import bare_app
from skerry.cli import guest_os_run, image, task
from skerry.cli.vm import devices, listing
from skerry.guestos import definition

DOCUMENT = openapi.document(bare_app())


def taken(noun: str, name: str) -> list[str]:
    """The words of a parameter of a list, as the API's document has them."""
    (found,) = (each for each in DOCUMENT["paths"][f"/api/v1/{noun}"]["get"]["parameters"] if each["name"] == name)
    return list(words_of(found["schema"]))


def words_of(schema: dict[str, object]) -> tuple[str, ...]:
    """The enumeration somewhere below a schema."""
    if "$ref" in schema:
        return words_of(DOCUMENT["components"]["schemas"][str(schema["$ref"]).rpartition("/")[2]])
    if "enum" in schema:
        return tuple(schema["enum"])  # type: ignore[arg-type] - of words
    below = [*schema.get("anyOf", ()), schema.get("items")]  # type: ignore[misc] - of schemas
    return next(words for each in below if each and (words := words_of(each)))


def test_states_and_orders_of_machines() -> None:
    assert list(listing.STATES) == taken("vms", "state")
    assert list(listing.ORDERS) == taken("vms", "sort")


def test_states_of_tasks() -> None:
    assert list(task.STATES) == taken("tasks", "state")


def test_kinds_of_images() -> None:
    assert list(image.KINDS) == taken("images", "kind")


def test_models_of_network_cards() -> None:
    models = DOCUMENT["components"]["schemas"]["NewNic"]["properties"]["model"]

    assert words_of(models) == devices.MODELS


def test_scripts_of_definitions() -> None:
    assert set(guest_os_run.SCRIPTS) == set(definition.SCRIPTS) - {definition.CREATE_UNTRUSTED}
