"""The values whose conversion is measured: the same for every codec and for both sides. Standard library only."""

import random

SIZE = 10_000


def literal_values() -> dict[str, tuple[object, object]]:
    """Return `id -> (type, value)`: integers below a million, short ASCII strings, doubles under short keys."""
    numbers = random.Random(3)
    integers = [numbers.randrange(1_000_000) for _ in range(SIZE)]
    return {
        "int": (int, 42),
        "list-int": (list[int], integers),
        "list-str": (list[str], [f"word-{value}" for value in integers]),
        "dict-str-float": (dict[str, float], {f"key-{index}": value / 7 for index, value in enumerate(integers)}),
    }
