"""Rust-backed verbs of the Flyte SDK: literal bytes, digests, archives. No policy and no I/O beyond named files."""

# Digests and archives
from flyte_native._core import ArchiveSummary as ArchiveSummary
from flyte_native._core import ExtractSummary as ExtractSummary
from flyte_native._core import FileDigests as FileDigests
from flyte_native._core import Selection as Selection
from flyte_native._core import digest_bytes as digest_bytes
from flyte_native._core import digest_file as digest_file
from flyte_native._core import digest_files as digest_files
from flyte_native._core import extract_archive as extract_archive
from flyte_native._core import file_digests as file_digests
from flyte_native._core import select_files as select_files
from flyte_native._core import select_tree as select_tree
from flyte_native._core import tree_digest as tree_digest
from flyte_native._core import write_archive as write_archive

# isort: split
# Literals
from flyte_native._core import LiteralError as LiteralError
from flyte_native._core import Plan as Plan
from flyte_native._core import Record as Record
from flyte_native._core import inputs_repr as inputs_repr
from flyte_native._core import literal_repr as literal_repr
