"""Times PyPI flyte's TypeEngine, in its own environment: values to literal bytes and back. Prints JSON of CPU seconds.

Usage: `python reference_literals.py ROUNDS`. It runs beside `literal_values.py`.
"""

import asyncio
import json
import sys
import time

from flyteidl2.core import literals_pb2
from literal_values import literal_values

from flyte.types import TypeEngine

BATCH = 200


async def _rounds(kind, value, rounds):
    literal_type = TypeEngine.to_literal_type(kind)
    batch = 1 if isinstance(value, (list, dict)) else BATCH
    encoding, decoding = [], []
    for _ in range(rounds + 1):
        began = time.process_time()
        for _ in range(batch):
            data = (await TypeEngine.to_literal(value, kind, literal_type)).SerializeToString()
        between = time.process_time()
        for _ in range(batch):
            back = await TypeEngine.to_python_value(literals_pb2.Literal.FromString(data), kind)
        encoding.append((between - began) / batch)
        decoding.append((time.process_time() - between) / batch)
        if back != value:
            raise AssertionError(f"{kind} did not come back as it went")
    # The first round warmed up.
    return {"encode": encoding[1:], "decode": decoding[1:]}


async def _main(rounds):
    return {name: await _rounds(kind, value, rounds) for name, (kind, value) in literal_values().items()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(int(sys.argv[1])))))
