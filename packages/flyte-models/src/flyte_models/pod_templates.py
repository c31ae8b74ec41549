"""Pods as an author shapes them: a Kubernetes pod specification, and what of it runs the task.

The specification is an object of the `kubernetes` package, or whatever has its attributes: that package is the user's, and
is imported here only when something must be added to a specification.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any

from flyte_models.resources import PRIMARY_CONTAINER_DEFAULT_NAME
from flyte_models.values import light_dataclass

__all__ = ["PodTemplate", "TerminationGracePeriod"]

TerminationGracePeriod = int | timedelta
"""Whole seconds or a duration."""

_CAPABILITY = "flyte.org/capability-{}"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/{}"
_UNCONFINED = "unconfined"
_FUSE_RESOURCE = "smarter-devices/fuse"
_FUSE_PATH = "/dev/fuse"
_FUSE_VOLUME = "fuse-device"
_SYS_ADMIN = "SYS_ADMIN"


@light_dataclass()
class PodTemplate:
    """A pod for a task. The primary container runs it; the others run beside it.

    The methods that add something return a copy, and leave the template and its specification as they are.
    """

    pod_spec: Any = None
    """A `kubernetes.client.V1PodSpec`."""
    primary_container_name: str = PRIMARY_CONTAINER_DEFAULT_NAME
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    @classmethod
    def from_spec(
        cls,
        pod_spec: Any,
        *,
        primary_container_name: str | None = None,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> "PodTemplate":
        """Make a template of a copy of a specification that has its containers already.

        Args:
            pod_spec: A `kubernetes.client.V1PodSpec`.
            primary_container_name: The container that runs the task. Without it: the one named `primary`, or the only one.
            labels: Labels of the pod.
            annotations: Annotations of the pod.

        Raises:
            ValueError: No container has that name, or it is not clear which one is meant.
            AttributeError: `pod_spec` is no specification.
        """
        names = [container.name for container in pod_spec.containers]
        if primary_container_name is None:
            if PRIMARY_CONTAINER_DEFAULT_NAME in names:
                primary_container_name = PRIMARY_CONTAINER_DEFAULT_NAME
            elif len(names) == 1:
                primary_container_name = names[0]
            else:
                raise ValueError(
                    f"the pod has the containers {names}, and none is named `{PRIMARY_CONTAINER_DEFAULT_NAME}`\n"
                    "hint: name the one that runs the task: `primary_container_name=`"
                )
        elif primary_container_name not in names:
            raise ValueError(f"the pod has no container {primary_container_name!r}\nhint: it has {names}")
        return cls(
            deepcopy(pod_spec),
            str(primary_container_name),
            None if labels is None else dict(labels),
            None if annotations is None else dict(annotations),
        )

    def allow_fuse(self, privileged: bool = False) -> "PodTemplate":
        """Let the primary container mount file systems of its own (FUSE).

        Args:
            privileged: Mount the host's device in a privileged container, where the cluster has no device plugin for FUSE.

        Raises:
            ValueError: `privileged`, and the container is declared not to be, or not to get more privileges.
            ModuleNotFoundError: The `kubernetes` package is not installed.
        """
        template, container = self._with_primary()
        if privileged:
            why = "use `allow_fuse()`, which needs no privileges where the cluster has a device plugin for FUSE"
            _refuse_declared(container, "privileged", False, "allow_fuse(privileged=True)", why)
            _refuse_declared(container, "allow_privilege_escalation", False, "allow_fuse(privileged=True)", why)
        _add_sys_admin(container)
        if privileged:
            container.security_context.privileged = True
            _add_fuse_volume(template.pod_spec, container)
        else:
            _add_fuse_resource(container)
        return replace(template, annotations={**(self.annotations or {}), _CAPABILITY.format("fuse"): "true"})

    def allow_nested_sandboxing(self) -> "PodTemplate":
        """Let the primary container make sandboxes of its own: SYS_ADMIN without escalation, and no AppArmor profile.

        Raises:
            ValueError: The container is declared privileged, or to get more privileges, or with another AppArmor profile.
            ModuleNotFoundError: The `kubernetes` package is not installed.
        """
        template, container = self._with_primary()
        why = "do without: a privileged container can make sandboxes already"
        _refuse_declared(container, "privileged", True, "allow_nested_sandboxing()", why)
        _refuse_declared(container, "allow_privilege_escalation", True, "allow_nested_sandboxing()", why)
        profile = _APP_ARMOR.format(container.name)
        declared = (self.annotations or {}).get(profile, _UNCONFINED)
        if declared != _UNCONFINED:
            raise ValueError(
                f"the annotation `{profile}` is {declared!r}, and sandboxes need {_UNCONFINED!r}\n"
                "hint: leave the annotation out"
            )
        _add_sys_admin(container)
        container.security_context.allow_privilege_escalation = False
        capability = _CAPABILITY.format("nested-sandboxing")
        return replace(template, annotations={**(self.annotations or {}), profile: _UNCONFINED, capability: "true"})

    def with_termination_grace_period(self, termination_grace_period: TerminationGracePeriod) -> "PodTemplate":
        """Give the pod that long to end before it is killed; fractions of a second are dropped.

        Raises:
            ValueError: It is negative.
            TypeError: It is neither whole seconds nor a duration.
            ModuleNotFoundError: The `kubernetes` package is not installed.
        """
        seconds: Any = termination_grace_period
        if isinstance(seconds, timedelta):
            seconds = int(seconds.total_seconds())
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise TypeError(f"a grace period must be a `timedelta` or whole seconds, got {termination_grace_period!r}")
        if seconds < 0:
            raise ValueError(f"a grace period must not be negative, got {seconds} seconds")
        template, _ = self._with_primary()
        template.pod_spec.termination_grace_period_seconds = seconds
        return template

    def to_k8s_pod(self) -> Any:
        """Give the template as the protocol has it, a `flyteidl2.core.tasks_pb2.K8sPod`.

        What a task adds to its primary container (image, arguments, variables, resources) is not in it.

        Raises:
            ModuleNotFoundError: The specification is an object of the `kubernetes` package, or flyte-core is not installed.
        """
        return import_module("flyte.registration.wire").pod_message(self)

    def _with_primary(self) -> tuple["PodTemplate", Any]:
        spec = _kubernetes().V1PodSpec(containers=[]) if self.pod_spec is None else deepcopy(self.pod_spec)
        template = PodTemplate(spec, self.primary_container_name, _copy(self.labels), _copy(self.annotations))
        for container in spec.containers:
            if container.name == self.primary_container_name:
                return template, container
        container = _kubernetes().V1Container(name=self.primary_container_name)
        spec.containers.append(container)
        return template, container


def _copy(texts: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if texts is None else dict(texts)


def _kubernetes() -> Any:
    try:
        return import_module("kubernetes.client")
    except ModuleNotFoundError as error:
        if error.name not in {"kubernetes", "kubernetes.client"}:
            raise
        raise ModuleNotFoundError(
            "changing a pod template needs the `kubernetes` package, which is not installed\n"
            "hint: pip install kubernetes",
            name=error.name,
        ) from error


def _refuse_declared(container: Any, setting: str, refused: bool, asking: str, hint: str) -> None:
    if getattr(container.security_context, setting, None) is refused:
        raise ValueError(
            f"`{asking}` does not go together with `{setting}={refused}`, which the container {container.name!r} declares\n"
            f"hint: leave that out, or {hint}"
        )


def _add_sys_admin(container: Any) -> None:
    if container.security_context is None:
        container.security_context = _kubernetes().V1SecurityContext()
    if container.security_context.capabilities is None:
        container.security_context.capabilities = _kubernetes().V1Capabilities()
    capabilities = container.security_context.capabilities
    if _SYS_ADMIN not in (capabilities.add or []):
        capabilities.add = [*(capabilities.add or []), _SYS_ADMIN]


def _add_fuse_resource(container: Any) -> None:
    if container.resources is None:
        container.resources = _kubernetes().V1ResourceRequirements()
    for side in ("limits", "requests"):
        setattr(container.resources, side, {**(getattr(container.resources, side) or {}), _FUSE_RESOURCE: "1"})


def _add_fuse_volume(spec: Any, container: Any) -> None:
    volumes: list[Any] = spec.volumes or []
    if all(volume.name != _FUSE_VOLUME for volume in volumes):
        kubernetes = _kubernetes()
        host = kubernetes.V1HostPathVolumeSource(path=_FUSE_PATH, type="CharDevice")
        spec.volumes = [*volumes, kubernetes.V1Volume(name=_FUSE_VOLUME, host_path=host)]
    mounts: list[Any] = container.volume_mounts or []
    if all(mount.name != _FUSE_VOLUME for mount in mounts):
        container.volume_mounts = [*mounts, _kubernetes().V1VolumeMount(name=_FUSE_VOLUME, mount_path=_FUSE_PATH)]
