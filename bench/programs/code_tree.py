"""Writes a tree of Python sources of a given number of files, the same each time: 2,000 files are 18.7 MB.

Usage: `python code_tree.py FOLDER FILES`. Standard library only: both sides' environments run it.
"""

import random
import sys
from pathlib import Path

MEAN_SIZE = 9_350
_WORDS = """
value result item index model batch label score frame column window sample config loader reader writer tensor weight
metric path record field state token epoch client server session request response buffer offset length total
""".split()  # noqa: SIM905


def _line(chance: random.Random) -> str:
    first, second, third = chance.choices(_WORDS, k=3)
    number = chance.randrange(100_000)
    shapes = (
        f"    {first}_{second} = {third}[{number}] + {first}.{second}({number % 97})\n",
        f"    if {first}_{number % 50} is not None and {second} > {number}:\n        return {third}_{first}\n",
        f"    for {first} in range({number}):\n        {second}.append({third} * {first})\n",
        f'    raise ValueError(f"{first} {second} {{{third}}} is not {number}")\n',
        f"    # The {first} of a {second} decides which {third} comes first: {number}.\n",
    )
    return chance.choice(shapes)


def _module(chance: random.Random, size: int) -> str:
    parts = ["from __future__ import annotations\n\nimport os\nimport sys\n\n"]
    length = len(parts[0])
    while length < size:
        first, second = chance.choices(_WORDS, k=2)
        body = f"\ndef {first}_{second}_{chance.randrange(10_000)}({first}, {second}=None):\n"
        body += "".join(_line(chance) for _ in range(chance.randrange(4, 24)))
        parts.append(body)
        length += len(body)
    return "".join(parts)[:size]


def make_tree(folder: Path, files: int) -> int:
    """Write `files` modules in packages of 40 and return their bytes.

    Sizes spread as those of real projects do: many short modules, a few long ones, 9.35 kB on average.
    """
    chance = random.Random(20_261_123)
    # A stock of text, cut anew for each file: generating 20,000 modules line by line would take a minute.
    stock = _module(chance, 4_000_000)
    total = 0
    for index in range(files):
        package = folder / f"package_{index // 40:03}"
        if index % 40 == 0:
            package.mkdir(parents=True)
        size = min(int(chance.expovariate(1 / MEAN_SIZE)) + 60, 90_000)
        start = chance.randrange(len(stock) - size)
        content = f"# Module {index}\n{stock[start : start + size - 20]}\n"
        name = "__init__.py" if index % 40 == 0 else f"module_{index:05}.py"
        (package / name).write_text(content, encoding="utf-8")
        total += len(content)
    return total


if __name__ == "__main__":
    print(make_tree(Path(sys.argv[1]), int(sys.argv[2])))
