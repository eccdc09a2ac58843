"""Fleets of up to a thousand hosts that are not there, to see how time and memory grow.

`python -m benchmarks.simulated --help` says what can be measured; ../README.md what it means.
"""
