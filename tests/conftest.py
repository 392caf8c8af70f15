"""Every test may ask for a real server; tests/servers says which there are."""

pytest_plugins = ["tests.servers.fixtures"]
