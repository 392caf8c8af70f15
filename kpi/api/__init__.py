"""The KPI API: the same numbers as the command line, to the byte, for assessment tools."""
