"""SHA-512 crypt: the same as the C library's."""

from __future__ import annotations

import pytest

from skerry.images.crypted import salt_for, sha512_crypt

LONG = "we have a short salt string but not a short password"


@pytest.mark.parametrize(
    ("salt", "rounds", "password", "digest"),
    [
        (
            "saltstring",
            5000,
            "Hello world!",
            "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "saltstringsaltstring",
            10000,
            "Hello world!",
            "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
        ),
        (
            "a.short.string",
            1400,
            LONG,
            "3M950La8ZTU3Sr0FPMhNbb0FBZWrboQAJKemBnuIeE8YXeHgC9dg/L0rS1qlnBVxEOFt2qdN3cVIeJyx.fgKE1",
        ),
        (
            "x",
            5000,
            "ü" * 40,
            "h8TIcbVdO4uWBV8QgMupVwLMzIDDmsipHaXRPn7vFeGHY4D4er675bxlkRYJuwWSshHMgwgMPKVl8IOHKYfjw1",
        ),
    ],
    ids=["usual", "long salt", "long password", "not ASCII"],
)
def test_passwords_are_hashed_as_the_c_library_does(salt: str, rounds: int, password: str, digest: str) -> None:
    said = "" if rounds == 5000 else f"rounds={rounds}$"

    assert sha512_crypt(password, salt, rounds) == f"$6${said}{salt[:16]}${digest}"


def test_a_salt_follows_from_what_it_is_for() -> None:
    assert salt_for("a", "b") == salt_for("a", "b") != salt_for("ab")
    assert len(salt_for("a")) == 16
