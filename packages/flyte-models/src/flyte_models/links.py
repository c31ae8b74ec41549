"""What a link beside an action must offer: the dashboards and logs that a task declares."""

from typing import Protocol

__all__ = ["Link"]


class Link(Protocol):
    """A named link, shown beside the actions of a task."""

    name: str
    icon_uri: str | None = ""

    def get_link(  # noqa: PLR0917  # the public signature
        self,
        run_name: str,
        project: str,
        domain: str,
        context: dict[str, str],
        parent_action_name: str,
        action_name: str,
        pod_name: str,
        **kwargs: object,
    ) -> str:
        """Give the address. What is not known yet when a task is registered arrives as a template, such as `{{.podName}}`.

        Args:
            run_name: The run's name.
            project: The run's project.
            domain: The run's domain.
            context: The custom context of the run.
            parent_action_name: The name of the action that called this one.
            action_name: The name of the action.
            pod_name: The name of the pod that runs it.
            kwargs: What later versions may add.
        """
        ...
