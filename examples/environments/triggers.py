"""Triggers belong to tasks: at a time of the day, every so many minutes, or when an artifact arrives."""

from datetime import datetime

import flyte

env = flyte.TaskEnvironment("triggers_example")


@env.task(
    triggers=(
        flyte.Trigger(
            "nightly", flyte.Cron("0 3 * * *", timezone="Europe/Zurich"), inputs={"start": flyte.TriggerTime}
        ),
        flyte.Trigger("often", flyte.FixedRate(30), auto_activate=False),
        flyte.Trigger("on_data", flyte.OnArtifact("daily-data", region="eu")),
    )
)
def main(start: datetime | None = None) -> str:
    return "ran"


if __name__ == "__main__":
    print([trigger.name for trigger in main.triggers], flyte.run(main).outputs()[0])

# prints: ['nightly', 'often', 'on_data'] ran
