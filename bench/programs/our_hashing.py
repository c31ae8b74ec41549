"""Digests a file with our SDK and prints JSON: wall and CPU seconds by algorithm, peak memory above idle.

Usage: `python our_hashing.py FILE`. A short file is digested first, so that what is loaded once is not counted.
"""

import json
import sys
import time

from resident import resident, start_peak

from flyte_native import digest_file


def _main(path):
    digest_file(__file__, "md5")
    idle = start_peak()
    found = {}
    for algorithm in ("md5", "blake3"):
        wall, cpu = time.perf_counter(), time.process_time()
        digest = digest_file(path, algorithm)
        found[algorithm] = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "digest": digest,
        }
    return {**found, "peak": resident("VmHWM") - idle}


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1])))
