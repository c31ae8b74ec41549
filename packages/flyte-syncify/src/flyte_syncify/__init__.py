"""One background event loop that runs coroutines for synchronous callers. Standard library only."""
