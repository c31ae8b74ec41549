"""The typed values, literals and functions whose conversion by PyPI flyte is recorded; loaded by `corpus.py`."""
