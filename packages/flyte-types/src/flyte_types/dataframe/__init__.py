"""Frames: `DataFrame`, the handle; encoders and decoders by type, protocol and format; those of pandas and pyarrow.

Neither pandas nor pyarrow is imported before the user's program has imported it, or asks for a frame of it.
"""

from flyte_types.dataframe.handle import DataFrame

__all__ = ["DataFrame"]
