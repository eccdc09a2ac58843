"""mailfab against Ansible and pyinfra: the same work, on the same machine, in one run.

`python -m benchmarks --help` lists the options; README.md explains the figures.
"""
