"""The vocabulary: identifiers, phases, interface, contexts: `flyte.models`."""

from flyte_models.bundles import CodeBundle
from flyte_models.docstrings import Docstring
from flyte_models.ids import ActionID, CallCounter
from flyte_models.interface import NativeInterface
from flyte_models.names import generate_random_name
from flyte_models.paths import CheckpointPaths, PathRewrite, RawDataPath
from flyte_models.phases import ActionPhase
from flyte_models.policies import MAX_INLINE_IO_BYTES
from flyte_models.serialization import SerializationContext
from flyte_models.task_context import (
    CLUSTERED_WORKER_ENV,
    NULL_TASK_CONTEXT,
    GroupData,
    TaskContext,
    is_clustered_worker_env,
)

__all__ = [
    "ActionID",
    "ActionPhase",
    "CLUSTERED_WORKER_ENV",
    "CallCounter",
    "CheckpointPaths",
    "CodeBundle",
    "Docstring",
    "GroupData",
    "MAX_INLINE_IO_BYTES",
    "NULL_TASK_CONTEXT",
    "NativeInterface",
    "PathRewrite",
    "RawDataPath",
    "SerializationContext",
    "TaskContext",
    "generate_random_name",
    "is_clustered_worker_env",
]
