"""Identifiers of actions, and the counter that numbers a parent's calls."""

from flyte_models.names import child_action_name, generate_random_name
from flyte_models.values import light_dataclass

__all__ = ["ActionID", "CallCounter"]


@light_dataclass(frozen=True, kw_only=True)
class ActionID:
    """Names one action: a node of a run's tree. The root action of every run on a server is called `a0`.

    ```python
    from flyte_models.ids import ActionID

    root = ActionID(name="a0", run_name="r1", project="p", domain="d", org="o")
    child = root.new_sub_action_from(task_call_seq=1, task_hash="th", input_hash="ih", group=None)
    assert (child.name, child.run_name) == ("85hvno29yql9omdo61m0c0hjo", "r1")
    assert root.unique_id_str() == "p-d-r1-a0"
    ```
    """

    name: str
    run_name: str | None = None
    """The run that the action belongs to; an action that names none is a run of its own name."""
    project: str | None = None
    domain: str | None = None
    org: str | None = None

    def __post_init__(self) -> None:
        if self.run_name is None:
            object.__setattr__(self, "run_name", self.name)

    def __repr__(self) -> str:
        parts = [repr(self.name), f"run_name={self.run_name!r}"]
        parts += [
            f"{field}={value!r}"
            for field in ("project", "domain", "org")
            if (value := getattr(self, field)) is not None
        ]
        return f"ActionID({', '.join(parts)})"

    @classmethod
    def create_random(cls) -> "ActionID":
        """Make the root of a run of a random name, outside every project."""
        name = generate_random_name()
        return cls(name=name, run_name=name)

    def new_sub_action(self, name: str | None = None) -> "ActionID":
        """Make another action of the same run, by the given or a random name."""
        made = generate_random_name() if name is None else name
        # Not by `replace`, which takes twice as long: every action is made here.
        return ActionID(name=made, run_name=self.run_name, project=self.project, domain=self.domain, org=self.org)

    def new_sub_action_from(self, task_call_seq: int, task_hash: str, input_hash: str, group: str | None) -> "ActionID":
        """Make the child action of the same run whose name follows from its arguments, see `names.child_action_name`."""
        return self.new_sub_action(child_action_name(self.name, input_hash, task_hash, task_call_seq, group))

    def unique_id_str(self, salt: str | None = None) -> str:
        """Join project, domain, run, name and, when given, the salt with `-`; what is absent reads `None`."""
        text = f"{self.project}-{self.domain}-{self.run_name}-{self.name}"
        return text if salt is None else f"{text}-{salt}"


class CallCounter:
    """Numbers the calls that one action makes, each key on its own, from 1 on.

    Not safe to share between threads: an action's calls are numbered where they are made.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"CallCounter({self._counts!r})"

    def next(self, call_key: str) -> int:
        """Count one more call of this key and give its number."""
        number = self._counts.get(call_key, 0) + 1
        self._counts[call_key] = number
        return number
