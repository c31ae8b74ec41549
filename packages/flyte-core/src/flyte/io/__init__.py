"""Handles on data that is passed by reference: `flyte.io`.

It imports neither pandas, pyarrow, pydantic nor protobuf. Encoders and decoders of frames stand in `flyte.io.extend`.
"""

from flyte_types.dataframe.handle import DataFrame
from flyte_types.dataframe.lookup import PARQUET
from flyte_types.dir import Dir, EmptyDir
from flyte_types.file import File
from flyte_types.hashing import HashFunction

__all__ = ["PARQUET", "DataFrame", "Dir", "EmptyDir", "File", "HashFunction"]
