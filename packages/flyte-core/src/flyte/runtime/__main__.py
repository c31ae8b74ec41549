"""`python -m flyte.runtime`: what the console script `a0` does, for debuggers that start a module."""

from flyte.runtime.entry import run

if __name__ == "__main__":
    run()
