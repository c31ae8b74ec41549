"""What must be known to turn an authored task into what is registered."""

import os
from typing import TYPE_CHECKING, Any

from flyte_models.bundles import CodeBundle
from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    # Costly to import, and seldom needed by whoever needs this context.
    from pathlib import Path

__all__ = ["SerializationContext"]


@light_dataclass()
class SerializationContext:
    """Version, place, bundle and images that a task is serialised for."""

    version: str
    project: str | None = None
    domain: str | None = None
    org: str | None = None
    code_bundle: CodeBundle | None = None
    input_path: str = "{{.input}}"
    """Replaced by the backend with the URI of the inputs."""
    output_path: str = "{{.outputPrefix}}"
    """Replaced by the backend with the prefix of the outputs."""
    interpreter_path: str = "/opt/venv/bin/python"
    image_cache: Any = None
    """The built images by environment (`flyte_images`), or `None` before any was built."""
    root_dir: "Path | None" = None

    def get_entrypoint_path(self, interpreter_path: str | None = None) -> str:
        """Give the path of `runtime.py` beside the interpreter, the context's own unless another is named."""
        interpreter = self.interpreter_path if interpreter_path is None else interpreter_path
        return os.path.join(os.path.dirname(interpreter), "runtime.py")  # noqa: PTH118, PTH120  # a path in a container
