from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.integration.api.contract import document
from tests.integration.api.contract.cloud import Cloud, open_cloud

_ELSEWHERE = {"stream_events"}  # in test_server


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """One for all tests of this folder: the engine for tasks is one a process."""
    async with open_cloud(tmp_path_factory.mktemp("cloud")) as opened:
        yield opened


@pytest.fixture(scope="package", autouse=True)
def every_operation_answers_well(request: pytest.FixtureRequest) -> Iterator[None]:
    """When all tests of this folder were asked for, none failed, and so each operation must have been tried."""
    yield
    if _all_were_asked_for(request.session.items) and not request.session.testsfailed:
        every = {
            operation["operationId"] for path in document.DOCUMENT["paths"].values() for operation in path.values()
        }
        assert every - document.seen == _ELSEWHERE


def _all_were_asked_for(items: list[pytest.Item]) -> bool:
    asked = {(item.path, item.originalname) for item in items if isinstance(item, pytest.Function)}
    modules = {item.path: item.module for item in items if isinstance(item, pytest.Function)}
    return all(
        path in modules and all((path, name) in asked for name in vars(modules[path]) if name.startswith("test_"))
        for path in Path(__file__).parent.glob("test_*.py")
    )
