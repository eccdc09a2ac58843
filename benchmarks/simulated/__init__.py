"""Simulated fleets of up to a thousand hosts, to measure how time and memory grow.

`python -m benchmarks.simulated --help` lists the options; ../README.md explains the figures.
"""
