"""Fixtures that start real neighbours, for all tests."""

import os

import pytest
from hypothesis import HealthCheck, settings

# No test fails because the machine is slow.
settings.register_profile("skerry", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("skerry")

# As the program does before it imports Typer; in a run of all tests, somebody else's import comes first.
os.environ["TYPER_USE_RICH"] = "0"

pytest.register_assert_rewrite("tests.unit.storage.suite", "tests.unit.host.suite", "tests.unit.link.contract")

# What others import comes first: modules are rewritten for better messages only before they are imported.
pytest_plugins = [
    "tests.fixtures.private_libvirt",
    "tests.fixtures.images",
    "tests.fixtures.disk_images",
    "tests.fixtures.guest_disks",
    "tests.fixtures.rpm_repository",
    "tests.fixtures.skerry_up",
    "tests.fixtures.small_images",
    "tests.fixtures.browser",
]
