"""Measures the memory that our codec takes for one value beyond it and its bytes, and prints JSON of byte counts.

Usage: `python literal_memory.py VALUE encode|decode`, on Linux. The kernel counts: resident memory, whoever asked for it, and
its peak since it was reset. So that pages do not count for much, collections are 20 times as large as where time is measured.
"""

import ctypes
import gc
import json
import sys
from pathlib import Path

from literal_values import literal_value
from our_literals import our_inputs

TIMES = 20
_libc = ctypes.CDLL(None)


def _resident(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"`/proc/self/status` has no `{name}`")


def _settled():
    gc.collect()
    # What was freed goes back to the kernel, so that it cannot be used again unseen.
    _libc.malloc_trim(0)
    return _resident("VmRSS")


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
    before = _settled()
    Path("/proc/self/clear_refs").write_text("5")
    made = encode(value) if verb == "encode" else decode(data)
    peak = _resident("VmHWM")
    after = _settled()
    # Of values, what stays is their size: nobody else knows it. Bytes have one, and what stays besides them counts.
    kept = len(made) if verb == "encode" else after - before
    return {"beyond": max(0, peak - before - kept), "written": len(made if verb == "encode" else data), "kept": kept}


if __name__ == "__main__":
    print(json.dumps(_measured(*sys.argv[1:3])))
