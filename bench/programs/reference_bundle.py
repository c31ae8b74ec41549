"""Bundles a tree with PyPI flyte and prints JSON as `our_bundle.py` does.

Usage: `python reference_bundle.py TREE`. It calls what `flyte.run` calls for copy style `all`, found by `dir()`: nothing public
bundles without a server. Nothing is uploaded, and its cache of earlier bundles is not asked.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from flyte._code_bundle import build_code_bundle


async def _main(tree):
    with tempfile.TemporaryDirectory() as folder:

        async def build(source):
            return await build_code_bundle(
                from_dir=source, dryrun=True, copy_bundle_to=Path(folder), copy_style="all", skip_cache=True
            )

        await build(tree / "package_000")
        wall, cpu = time.perf_counter(), time.process_time()
        bundle = await build(tree)
        cold = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        size = os.stat(bundle.tgz).st_size  # noqa: PTH116
        return {"cold": cold, "size": size, "files": len(bundle.files or [])}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(Path(sys.argv[1])))))
