"""A devbox whose clock and disk a test can set: `python server.py FILE ARGUMENT...`.

The file has two doubles: seconds to add to the clock, and whether the disk is full.
"""

import errno
import mmap
import os
import struct
import sys
import time

from flyte_devbox import objects
from flyte_devbox.database import Database


class Faults:
    def __init__(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        self._shared = mmap.mmap(descriptor, 16, prot=mmap.PROT_READ)

    @property
    def shift(self) -> float:
        return struct.unpack("d", self._shared[:8])[0]

    @property
    def is_full(self) -> bool:
        return struct.unpack("d", self._shared[8:])[0] != 0.0


def install(faults: Faults) -> None:
    real_time, write_batch, write = time.time, Database._write_batch, objects._Upload.write

    def limited_batch(self, jobs) -> None:
        # SQLite then says what it says of a full disk.
        self._writer.execute(f"PRAGMA max_page_count={1 if faults.is_full else 2**32 - 2}")
        write_batch(self, jobs)

    def limited_write(self, content: bytes) -> None:
        if faults.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, content)

    time.time = lambda: real_time() + faults.shift
    Database._write_batch = limited_batch
    objects._Upload.write = limited_write


if __name__ == "__main__":
    install(Faults(sys.argv[1]))
    from flyte_devbox.serving import main

    sys.exit(main(sys.argv[2:]))
