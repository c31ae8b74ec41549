"""Bundles a tree with our SDK and prints JSON: wall and CPU seconds, bytes of the archive, peak memory above idle.

Usage: `python our_bundle.py TREE`. `cold` knows nothing, `unchanged` has the index and the cache of the run before.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from resident import resident, start_peak

from flyte.bundling.cache import BundleCache
from flyte.bundling.request import BundleRequest
from flyte.bundling.uploading import FolderUploader, bundle_code


def _timed(request, uploader, cache):
    wall, cpu = time.perf_counter(), time.process_time()
    bundle = asyncio.run(bundle_code(request, uploader, cache=cache))
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, bundle


def _main(tree):
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store")
        cache = BundleCache(Path(folder, "state"))
        request = BundleRequest(root=tree, copy_style="all")
        asyncio.run(bundle_code(BundleRequest(root=tree / "package_000", copy_style="all"), FolderUploader(store)))
        idle = start_peak()
        cold, bundle = _timed(request, FolderUploader(store), cache)
        unchanged, again = _timed(request, FolderUploader(store), cache)
        if again != bundle:
            raise AssertionError("the unchanged tree has another bundle")
        peak = resident("VmHWM")
        size = Path(bundle.tgz.removeprefix("file://")).stat().st_size
        return {
            "cold": cold,
            "unchanged": unchanged,
            "size": size,
            "peak": peak - idle,
            "files": len(bundle.files),
        }


if __name__ == "__main__":
    print(json.dumps(_main(Path(sys.argv[1]))))
