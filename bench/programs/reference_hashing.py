"""Digests a file with PyPI flyte and prints JSON as `our_hashing.py` does, MD5 only: it has nothing else.

Usage: `python reference_hashing.py FILE`. `md5` is what its uploads call, found by `dir()`; `copied` is what a user has:
`File.from_local_sync` with a hash method, which writes a copy while it digests.
"""

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import flyte
from flyte.io import File
from flyte.io._hashing_io import HashlibAccumulator
from flyte.remote._data import hash_file


def _copied(path, folder):
    target = str(Path(folder, "copy"))
    return File.from_local_sync(path, target, hash_method=HashlibAccumulator(hashlib.md5())).hash


def _timed(call):
    wall, cpu = time.perf_counter(), time.process_time()
    digest = call()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "digest": digest}


def _main(path):
    flyte.init()
    hash_file(__file__)
    with tempfile.TemporaryDirectory() as folder:
        _copied(__file__, folder)
        return {
            "md5": _timed(lambda: hash_file(path)[1]),
            "copied": _timed(lambda: _copied(path, folder)),
        }


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1])))
