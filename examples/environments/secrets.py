"""Secrets come as environment variables; on this machine from variables or files of their names."""

import os

import flyte

os.environ.setdefault("DEMO_API_KEY", "s3cret")
env = flyte.TaskEnvironment("secrets_example", secrets=flyte.Secret("api-key", group="demo"))


@env.task
def main() -> int:
    return len(os.environ["DEMO_API_KEY"])


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: 6
