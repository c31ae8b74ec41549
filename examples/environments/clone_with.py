"""Environments like another one: `clone_with` takes over all settings that it is not told to change."""

import flyte

base = flyte.TaskEnvironment("base", env_vars={"LEVEL": "1"}, resources=flyte.Resources(cpu=1), cache="auto")
large = base.clone_with("large", resources=flyte.Resources(cpu=(4, 8), memory=("8Gi", "16Gi"), gpu="A100:1"))

if __name__ == "__main__":
    print(large.name, large.env_vars, large.resources.cpu, large.cache)

# prints: large {'LEVEL': '1'} (4, 8) auto
