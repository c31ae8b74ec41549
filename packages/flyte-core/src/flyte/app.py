"""`flyte.app` of PyPI flyte 2.12, not built yet: importing it says so, and what there is."""

from flyte.not_built import not_built

raise not_built(__name__)
