"""What a run gives back: a handle on the finished run, and its inputs and outputs as Python values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from flyte_engine.records import ErrorRecord, RunRecord
from flyte_models.phases import ActionPhase
from flyte_syncify import immediate

if TYPE_CHECKING:
    from flyte_remote.runs import Run


class ActionOutputs(tuple[Any, ...]):  # noqa: SLOT001 - a tuple cannot have slots beside its items
    """The outputs of an action in order, each an attribute too (`outputs.o0`); `named_outputs` has them by name.

    A task that returns nothing has one output, which is None.
    """

    fields: tuple[str, ...]

    def __new__(cls, data: Sequence[Any], fields: Sequence[str] | None = None) -> Self:
        """Make the outputs of `data`; without `fields` they are named `o0`, `o1`, ..."""
        outputs = super().__new__(cls, data)
        outputs.fields = tuple(fields) if fields is not None else tuple(f"o{i}" for i in range(len(data)))
        return outputs

    @property
    def named_outputs(self) -> dict[str, Any]:
        """The outputs by name."""
        return dict(zip(self.fields, self, strict=True))

    def __getattr__(self, name: str) -> Any:
        # Of what is no attribute of its own.
        if not name.startswith("_") and name in self.fields:
            return self[self.fields.index(name)]
        raise AttributeError(f"there is no output `{name}`, but {', '.join(f'`{each}`' for each in self.fields)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.fields]

    def __repr__(self) -> str:
        return f"ActionOutputs({', '.join(f'{name}={value!r}' for name, value in self.named_outputs.items())})"


class ActionInputs(Mapping[str, Any]):
    """The inputs of an action by name."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"ActionInputs({', '.join(f'{name}={value!r}' for name, value in self._data.items())})"


class LocalRun:
    """A run that was made in this process. It is over when you have it.

    What else a `flyte.remote.Run` has (`action`, `to_dict`, ...) it has too; what must be asked of a control plane is asked
    there, which knows the run only if it was told of it (`local_tracked`).
    """

    def __init__(
        self,
        record: RunRecord,
        *,
        inputs: ActionInputs,
        outputs: ActionOutputs | None,
        error: BaseException | None,
        error_record: ErrorRecord | None,
        recorded_in: str | None,
        page: str = "",
    ) -> None:
        self._record = record
        self._inputs = inputs
        self._outputs = outputs
        self.error = error
        """What the root action raised, or None."""
        self.error_record = error_record
        self.recorded_in = recorded_in
        """The file in which the run is recorded, or None."""
        self._page = page
        self._remote: Run | None = None

    def __repr__(self) -> str:
        return f"<local run `{self.name}` {self.phase.value}>"

    def __getattr__(self, name: str) -> Any:
        # Of what is no attribute of its own. Few programs ask for it, and a local run loads neither protobuf nor transport.
        if name.startswith("_"):
            raise AttributeError(f"`LocalRun` has no attribute `{name}`")
        from flyte.running.local_messages import run_message  # noqa: PLC0415 - see above
        from flyte_remote.runs import Run  # noqa: PLC0415 - see above

        if self._remote is None:
            self._remote = Run(run_message(self._record))
        try:
            return getattr(self._remote, name)
        except AttributeError:
            raise AttributeError(f"`LocalRun` has no attribute `{name}`") from None

    @property
    def record(self) -> RunRecord:
        """What the engine knows of the run."""
        return self._record

    @property
    def name(self) -> str:
        """The run's name."""
        return self._record.run_name

    @property
    def phase(self) -> ActionPhase:
        """The terminal phase."""
        return self._record.phase

    @property
    def url(self) -> str:
        """The page of a tracked run; else where the run is recorded, as a `file://` URI; empty when it was not recorded."""
        if self._page:
            return self._page
        return f"file://{self.recorded_in}" if self.recorded_in else ""

    @property
    def is_tracked(self) -> bool:
        """Whether a control plane was told of the run."""
        return bool(self._page)

    def done(self) -> bool:
        """Return True: a local run is over when you have it."""
        return True

    @immediate
    def sync(self) -> Self:
        """Return it as it is: a local run is over when you have it."""
        return self

    @immediate
    def wait(self, quiet: bool = False, wait_for: str = "terminal") -> None:
        """Return at once: a local run is over when you have it."""

    @immediate
    def inputs(self) -> ActionInputs:
        """Return the inputs of the root action."""
        return self._inputs

    @immediate
    def outputs(self) -> ActionOutputs:
        """Return the outputs of the root action.

        Raises:
            BaseException: what the root action raised, when it failed.
        """
        self.raise_for_status()
        if self._outputs is None:
            raise RuntimeError(f"run `{self.name}` ended as {self.phase.value} and has no outputs")
        return self._outputs

    @immediate
    def raise_for_status(self) -> None:
        """Raise what the root action raised, if it failed."""
        if self.error is not None:
            raise self.error
