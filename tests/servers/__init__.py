"""The real servers and independent peers that tests and benchmarks run against; docs/testing.md lists them."""
