"""Who may do what with a volume at the same time."""

import pytest

from skerry.errors import InUse
from skerry.host.claims import Claims


def test_many_may_share_a_volume() -> None:
    claims = Claims()

    with claims.share("/v", "volume v"), claims.share("/v", "volume v"):
        pass
    with claims.own("/v", "volume v"):
        pass


@pytest.mark.parametrize("first", ["share", "own"])
def test_nobody_owns_what_another_one_holds(first: str) -> None:
    claims = Claims()

    with getattr(claims, first)("/v", "volume v"), pytest.raises(InUse, match="volume v"):
        claims.own("/v", "volume v").__enter__()
    with claims.own("/v", "volume v"):
        pass


def test_what_is_owned_cannot_be_shared() -> None:
    claims = Claims()

    with claims.own("/v", "volume v"), pytest.raises(InUse, match="volume v"):
        claims.share("/v", "volume v").__enter__()


def test_a_claim_ends_with_an_error() -> None:
    claims = Claims()

    with pytest.raises(KeyError), claims.own("/v", "volume v"):
        raise KeyError
    with claims.own("/v", "volume v"):
        pass


def test_other_volumes_are_free() -> None:
    claims = Claims()

    with claims.own("/v", "volume v"), claims.own("/w", "volume w"):
        pass
