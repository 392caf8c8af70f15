"""The front door: command line, dashboard, demo."""
