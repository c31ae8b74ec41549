"""Tasks made of a shell script in a container: `flyte.extras.shell`.

```python
from flyte.extras import shell
from flyte.io import File

count = shell.create(
    "count",
    image="debian:12",
    inputs={"text": File, "longest": int},
    outputs={"lines": shell.Stdout(type=int)},
    script="cut -c1-{inputs.longest} {inputs.text} | wc -l",
)
assert count.as_task().name == "count"
```
"""

from flyte.extras.shell.tasks import create
from flyte.extras.shell.types import DictMode, FlagSpec, Glob, OutputSpec, Stderr, Stdout, listMode

__all__ = ["DictMode", "FlagSpec", "Glob", "OutputSpec", "Stderr", "Stdout", "create", "listMode"]
