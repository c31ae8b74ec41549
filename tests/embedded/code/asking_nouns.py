"""What a program asks of artifacts, triggers and settings: the same text for PyPI flyte 2.12.1 and for ours.

`python asking_nouns.py ENDPOINT FILE` runs it; the task `asked.count` is deployed by whoever starts it.
"""

import datetime as dt
import sys

import flyte
import flyte.io
import flyte.remote
from flyte.artifacts import Card, TimePartition
from flyte.remote import Artifact, Settings, Trigger

DAY = dt.date(2026, 1, 2)


def ask(path: str) -> None:
    file = flyte.io.File.from_local_sync(path)
    Artifact.create(
        file,
        name="sales",
        version="v1",
        description="d",
        attrs={"k": "v"},
        kind="data",
        partitions={"region": "eu", "day": DAY},
        external_ref="ext",
    )
    Artifact.create(
        file,
        name="hourly",
        version="v3",
        partitions={"a": TimePartition(dt.datetime(2026, 1, 1, 5, 3), "hour")},  # noqa: DTZ001 - taken as UTC
        parents=["v1"],
        card=Card(uri="s3://x", format="html", card_type="model"),
    )
    list(
        Artifact.listall(
            "sales",
            created_after=dt.datetime(2026, 1, 1),  # noqa: DTZ001 - as above
            limit=2,
            source_run="r",
            source_action="a",
            source_external_ref="x",
            kind="data",
            attrs={"a": ["b", "c"]},
            latest_per_partition=True,
            region=["a", "b"],
            day=(DAY, dt.date(2026, 1, 5)),
        )
    )
    list(Artifact.list_names(search="al", limit=3))
    Artifact.partition_values("sales", "region", day=DAY)
    Artifact.declare("weekly", {"day": "week", "region": str})
    Artifact.get_schema("weekly")
    Artifact.get("sales", region="eu")
    Artifact.get("sales")
    Artifact.get("sales", "v1")
    Trigger.create(
        flyte.Trigger(
            "timed",
            flyte.Cron("0 3 * * *", timezone="Europe/Berlin"),
            auto_activate=False,
            inputs={"n": 2, "when": flyte.TriggerTime},
            env_vars={"A": "b"},
            interruptible=True,
            overwrite_cache=True,
            queue="q",
            max_action_concurrency=4,
            labels={"l": "1"},
            annotations={"an": "2"},
            custom_context={"cc": "1"},
        ),
        "asked.count",
        "v",
    )
    on_arrival = flyte.OnArtifact("sales", region="eu")
    arrival = flyte.Trigger("arrival", on_arrival, inputs={"n": 1, "name": flyte.TriggeredPartition("region")})
    Trigger.create(arrival, "asked.simple", "v")
    Trigger.create(flyte.Trigger("by_hand"), "asked.simple", "v")
    Trigger.get(name="timed", task_name="asked.count")
    Trigger.update("timed", "asked.count", True)
    Trigger.delete("by_hand", "asked.simple")
    settings = Settings.get_settings_for_edit(domain="development")
    values = {"labels": {"a": "b"}, "run.max_action_concurrency": 3, "app.disallow_anonymous": True}
    settings.update_settings({**values, "task_resource.default_accelerator": "T4", "task_resource.min.cpu": 2})
    Settings.get_settings_for_edit(domain="development").update_settings(
        Settings.parse_yaml("run.default_queue: ~unset\nstorage.raw_data_path: s3://data\n")
    )


if __name__ == "__main__":
    flyte.init(endpoint=sys.argv[1], insecure=True, project="flytesnacks", domain="development", org="testorg")
    ask(sys.argv[2])
