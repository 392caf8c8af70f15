"""Every test may ask for a real server; tests/servers says which there are."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.fixtures"]

# A machine that is busy, or stands still while an example is made, is no fault; in CI the same examples run each time,
# so that red means the change.
settings.register_profile(
    "gemba", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("gemba")
