"""Tasks in warm containers: what the backend keeps them by."""

from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte.registration.plan import TaskPlan
    from flyte_models.reuse import ReusePolicy

__all__ = ["actor_config"]

_VERSION_LENGTH = 15


def actor_config(plan: "TaskPlan", policy: "ReusePolicy", template: bytes, bundle_version: str) -> dict[str, Any]:
    """Give what a backend starts and finds warm containers by.

    Args:
        plan: The task.
        policy: How its containers stay warm.
        template: The container or pod without its arguments, the security context and the flags, in deterministic bytes.
        bundle_version: The version of the code: warm containers have imported it.
    """
    scaledown = policy.get_scaledown_ttl()
    sizes = (policy.min_replicas, policy.max_replicas, policy.concurrency, policy.idle_ttl, scaledown)
    identity = "\n".join((plan.environment, bundle_version, *map(str, sizes)))
    return {
        "name": plan.environment,
        "version": sha256(identity.encode() + b"\n" + template).hexdigest()[:_VERSION_LENGTH],
        "type": "actor",
        "spec": {
            "container_image": plan.container.image,
            "backlog_length": None,
            "parallelism": policy.concurrency,
            "min_replica_count": policy.min_replicas,
            "replica_count": policy.max_replicas,
            "ttl_seconds": _seconds(policy.idle_ttl),
            "scaledown_ttl_seconds": _seconds(scaledown),
        },
    }


def _seconds(duration: Any) -> float | None:
    return None if duration is None else duration.total_seconds()
