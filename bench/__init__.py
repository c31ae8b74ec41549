"""Benchmarks: our SDK beside PyPI `flyte` 2.12.1 in one run. `python -m bench --help` says how to run them."""
