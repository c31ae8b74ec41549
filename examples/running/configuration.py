"""Configuration: a file, over it the environment, over it what the program says."""

import os
from pathlib import Path

import flyte

Path("config.yaml").write_text("task:\n  project: from-file\n  domain: development\nadmin:\n  insecure: false\n")
os.environ["FLYTE_TASK_DOMAIN"] = "staging"

if __name__ == "__main__":
    config = flyte.config.auto()
    print(config.task.project, config.task.domain, config.platform.insecure)
    flyte.init_from_config(project="mine")
    print(flyte.current_project(), flyte.current_domain(), flyte.is_control_plane_available())

# prints: from-file staging False
# prints: mine staging False
