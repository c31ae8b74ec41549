"""What a program asks of apps: the same text for PyPI flyte 2.12.1 and for ours. `python program.py ENDPOINT` runs it."""

import sys

from flyteidl2.app import app_definition_pb2

import flyte
from flyte.remote import App

STARTED = app_definition_pb2.Spec.DESIRED_STATE_STARTED


def app_of(name: str, image: str) -> app_definition_pb2.App:
    """Make the message of an app."""
    made = app_definition_pb2.App()
    identifier = made.metadata.id
    identifier.org, identifier.project, identifier.domain, identifier.name = (
        "testorg",
        "flytesnacks",
        "development",
        name,
    )
    made.metadata.labels["team"] = "a"
    made.spec.container.image = image
    made.spec.desired_state = STARTED
    made.spec.ingress.subdomain = "shop"
    made.spec.runtime_metadata.version = "1"
    made.spec.autoscaling.replicas.max = 1
    made.spec.creator.user.id.subject = "me"
    return made


def ask() -> None:
    """Ask for what `App` offers; not of an app that has changed meanwhile: 2.12.1 decides by what it has fetched before."""
    App.create(app_of("shop", "one"))
    App.create(app_of("shop", "two"))
    shop = App.get("shop").watch(wait_for="activated")
    shop.activate(wait=True)
    shop.deactivate(wait=True)
    App.replace("shop", app_of("shop", "three").spec, "for a reason", labels={"team": "b"})
    shop = App.replace("shop", app_of("shop", "four").spec, "another", project="flytesnacks", domain="development")
    shop.pb2.spec.container.image = "five"
    App.update(shop.pb2, "a third")
    App.get("shop", project="flytesnacks", domain="development").watch()
    list(App.listall())
    list(App.listall(created_by_subject="me", sort_by=("name", "desc"), limit=3, in_status="active"))
    list(App.listall(in_status=("stopped", "failed"), limit=1))
    App.get("shop").show_logs(raw=True)
    App.get("shop").show_logs(raw=True, show_ts=True, filter_system=True, replica_name="r2")
    App.get("shop").deactivate(wait=True)
    App.get("shop").activate(wait=True)
    App.delete("shop")
    App.create(app_of("other", "one"))
    App.delete("other", project="flytesnacks", domain="development")


if __name__ == "__main__":
    flyte.init(endpoint=sys.argv[1], insecure=True, project="flytesnacks", domain="development", org="testorg")
    ask()
