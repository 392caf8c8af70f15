"""Figures, each with the bar that it is held to: `make bench`, or `make bench ARGS=\"journal modbus\"`."""
