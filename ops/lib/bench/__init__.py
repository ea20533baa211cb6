"""The suites of ops/bench."""
