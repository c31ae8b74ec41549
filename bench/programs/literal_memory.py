"""Measures the memory that our codec takes for one value beyond it and its bytes, and prints JSON of byte counts.

Usage: `python literal_memory.py VALUE encode|decode`, on Linux. The kernel counts: resident memory, whoever asked for it, and
its peak since it was reset. So that pages do not count for much, collections are 20 times as large as where time is measured.
"""

import gc
import json
import sys

from literal_values import literal_value
from our_literals import our_inputs
from resident import resident, settled, start_peak

TIMES = 20


def _measured(name, verb):
    kind, small = literal_value(name)
    encode, decode = our_inputs(kind)
    # Whatever is made once is made before.
    decode(encode(small))
    kind, value = literal_value(name, TIMES)
    data = encode(value) if verb == "decode" else b""
    if verb == "decode":
        value = None
    gc.disable()
    before = start_peak()
    made = encode(value) if verb == "encode" else decode(data)
    peak = resident("VmHWM")
    after = settled()
    # Of values, what stays is their size: nobody else knows it. Bytes have one, and what stays besides them counts.
    kept = len(made) if verb == "encode" else after - before
    return {"beyond": max(0, peak - before - kept), "written": len(made if verb == "encode" else data), "kept": kept}


if __name__ == "__main__":
    print(json.dumps(_measured(*sys.argv[1:3])))
