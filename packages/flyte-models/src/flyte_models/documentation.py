"""The description that an author gives a task beside its docstring."""

from flyte_models.values import light_dataclass

__all__ = ["Documentation"]


@light_dataclass()
class Documentation:
    """What a task is for, in the author's words."""

    description: str

    def __help__str__(self) -> str:
        return self.description
