"""Times the `TypeEngine` of whichever flyte is installed: values to protobuf literals and back. Prints JSON of CPU seconds.

It runs beside `literal_values.py`, in the environment of either side. One warmed event loop converts each value again and
again, single values 1,000 times; `own_loop` gives single values an event loop for each conversion.
"""

import asyncio
import gc
import json
import time

from literal_values import literal_values

from flyte.types import TypeEngine

SINGLE, OWN_LOOP = 1_000, 50
BATCH_SECONDS = 0.02


async def _batch(convert, count):
    began = time.process_time()
    for _ in range(count):
        await convert()
    return (time.process_time() - began) / count


def _own_loop(convert, count):
    asyncio.run(convert())
    began = time.process_time()
    for _ in range(count):
        asyncio.run(convert())
    return (time.process_time() - began) / count


async def _in_one_loop(convert, single):
    once = max(await _batch(convert, 1), 1e-6)
    count = SINGLE if single else max(1, round(BATCH_SECONDS / once))
    if count > 1:
        await _batch(convert, min(count, 10))
    return await _batch(convert, count)


def _measured(kind, value):
    literal_type = TypeEngine.to_literal_type(kind)
    literal = asyncio.run(TypeEngine.to_literal(value, kind, literal_type))
    if asyncio.run(TypeEngine.to_python_value(literal, kind)) != value:
        raise AssertionError(f"{kind} did not come back as it went")
    single = not isinstance(value, (list, dict))
    found = {}
    for verb, convert in (
        ("encode", lambda: TypeEngine.to_literal(value, kind, literal_type)),
        ("decode", lambda: TypeEngine.to_python_value(literal, kind)),
    ):
        found[verb] = asyncio.run(_in_one_loop(convert, single))
        if single:
            found[f"{verb}-own-loop"] = _own_loop(convert, OWN_LOOP)
    return found


if __name__ == "__main__":
    # As in `timeit`, and on both sides.
    gc.disable()
    print(json.dumps({name: _measured(kind, value) for name, (kind, value) in literal_values().items()}))
