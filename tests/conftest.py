"""Every test may ask for a real server; tests/servers says which there are."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.fixtures"]

TIMED = {"connectors", "demo", "deploy", "edge", "servers", "store"}

# A machine that is busy, or stands still while an example is made, is no fault; in CI the same examples run each time,
# so that red means the change.
settings.register_profile(
    "gemba", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("gemba")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of what runs side by side, those with polls, deadlines and databases of their own follow one another: two of them
    at once would be a busier plant than the one they tell of."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in TIMED:
            item.add_marker(pytest.mark.xdist_group("timed"))
