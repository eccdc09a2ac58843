"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# Hypothesis fails examples that take over 200 ms. A busy machine is no error of the code under
# test: benchmarks/ measures speed.
settings.register_profile("mailfab", deadline=None)
settings.load_profile("mailfab")
