"""mailfab against Ansible and pyinfra: the same work, on the same machine, in one run.

`python -m benchmarks --help` says what can be measured; README.md says what it means.
"""
