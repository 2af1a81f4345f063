"""The driver in memory, under the suite of all drivers."""

import pytest
from tests.unit.storage.suite import DriverSuite

from skerry.storage.memory import Memory


@pytest.fixture
def driver() -> Memory:
    return Memory("skerry")


class TestMemory(DriverSuite):
    """The suite of all drivers."""
