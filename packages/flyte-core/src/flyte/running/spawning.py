"""Runs that an action of a control plane begins with `flyte.run`: they go where it runs, and say who began them."""

import os

from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.task import run_pb2

from flyte.initialization import calling_context
from flyte_protocol.ids import run_id_to_wire

__all__ = ["SEARCH_PATH", "note_spawner"]

SEARCH_PATH = "_F_SYS_PATH"
_HANDED_ON = "_U_USE_ACTIONS"


def note_spawner(spec: run_pb2.RunSpec) -> None:
    """Say in the specification of a run which run has begun it, if one has; and hand on what its pod was told.

    As PyPI flyte: relation SPAWN, and the variable that selects the service of actions, last.
    """
    context = calling_context()
    if context is None:
        return
    spec.relation.related_to.CopyFrom(run_id_to_wire(context.action))
    spec.relation.relation_type = common_run_pb2.RELATION_TYPE_SPAWN
    told = os.environ.get(_HANDED_ON)
    if told and all(each.key != _HANDED_ON for each in spec.envs.values):
        spec.envs.values.add(key=_HANDED_ON, value=told)
