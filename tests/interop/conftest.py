"""The environment of PyPI flyte is the one that `bench` makes; it is not a package of the workspace."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
