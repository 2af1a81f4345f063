"""The tree of errors."""

from skerry import errors
from skerry.errors import SkerryError, every_error


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in every_error() if "code" in vars(error)]

    assert len(codes) == len(set(codes))


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = [line.split() for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]

    in_code = {(error.__name__, error.code, str(error.http_status)) for error in every_error()}
    assert {tuple(words) for words in drawn} == {row for row in in_code if row[0] in dir(errors)}


def test_an_error_reads_as_its_message_and_carries_a_hint() -> None:
    error = SkerryError("the harbour is closed", hint="wait for the tide")

    assert (str(error), error.hint) == ("the harbour is closed", "wait for the tide")
