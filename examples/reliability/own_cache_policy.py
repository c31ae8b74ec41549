"""A cache policy of your own: the version is what you say, here a file that the result depends on."""

from pathlib import Path
from typing import Any

import flyte

model = Path("model.txt")


class FileVersion:
    """The version of a result is the content of a file."""

    def get_version(self, salt: str, params: Any) -> str:
        return salt + model.read_text()


env = flyte.TaskEnvironment("own_cache_policy")


@env.task(cache=flyte.Cache("auto", policies=[FileVersion()]))
def predict(x: int) -> str:
    print("predicting")
    return f"{model.read_text()}({x})"


if __name__ == "__main__":
    for content in ("m1", "m1", "m2"):
        model.write_text(content)
        print(flyte.run(predict, 1).outputs()[0])

# prints: predicting
# prints: m1(1)
# prints: m1(1)
# prints: predicting
# prints: m2(1)
