"""Tollbook measured beside its peers, from outside: the command line and HTTP, nothing else.

`python -m benchmarks list` measures, `python -m benchmarks selftest` proves that the harness still
tells right from wrong. What every number means is in README.md, the last numbers in RESULTS.md.
"""
