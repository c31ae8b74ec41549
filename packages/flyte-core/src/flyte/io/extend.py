"""What teaches `flyte.io.DataFrame` another type of frames, another format or another store: `flyte.io.extend`."""

from flyte_types.dataframe.engine import DataFrameTransformerEngine
from flyte_types.dataframe.handlers import DataFrameDecoder, DataFrameEncoder

__all__ = ["DataFrameDecoder", "DataFrameEncoder", "DataFrameTransformerEngine"]
