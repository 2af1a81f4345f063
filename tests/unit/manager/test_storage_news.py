"""What of a host's storage becomes a fact."""

from __future__ import annotations

from skerry.host.types import StoragePool
from skerry.manager.listing import StorageNews


def pool(name: str = "skerry", *, used: int = 500, active: bool = True, capacity: int = 1000) -> StoragePool:
    return StoragePool(
        name=name,
        kind="dir",
        path=f"/{name}",
        active=active,
        capacity=capacity,
        allocation=used,
        available=capacity - used,
    )


def test_what_guests_write_is_no_news_until_it_is_a_percent() -> None:
    news = StorageNews()

    assert news.of("vm", [pool(used=500)], [pool(used=504)]) == []
    assert news.of("vm", [pool(used=504)], [pool(used=509)]) == []
    assert news.of("vm", [pool(used=509)], [pool(used=511)]) == ["the storage pool skerry of vm is 51 % full"]
    assert news.of("vm", [pool(used=511)], [pool(used=509)]) == []


def test_pools_that_come_go_stop_and_grow_are_news() -> None:
    news = StorageNews()

    assert news.of("vm", [], [pool()]) == ["the storage pool skerry of vm is there"]
    assert news.of("vm", [pool()], [pool(active=False)]) == ["the storage pool skerry of vm is not active"]
    assert news.of("vm", [pool()], [pool(capacity=2000)]) == ["the storage pool skerry of vm changed"]
    assert news.of("vm", [pool(), pool("other")], [pool()]) == ["the storage pool other of vm is gone"]
