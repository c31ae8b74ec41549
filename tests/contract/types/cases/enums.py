"""Enums of every kind, and Literal."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import enum
import typing

from ._case import Case


class Text(enum.Enum):
    RED = "r"
    GREEN = "g"


class TextMixin(str, enum.Enum):
    A = "value-a"
    B = "value-b"


class StrEnum(enum.StrEnum):
    ONE = enum.auto()
    TWO = "second"


class IntEnum(enum.IntEnum):
    LOW = 1
    ZERO = 0
    HIGH = 100


class Numbers(enum.Enum):
    ONE = 1
    TWO = 2


class Auto(enum.Enum):
    FIRST = enum.auto()
    SECOND = enum.auto()


class Aliased(enum.Enum):
    RED = "r"
    ROUGE = "r"
    GREEN = "g"


class Floats(enum.Enum):
    HALF = 0.5


class Tuples(enum.Enum):
    PAIR = (1, 2)


class Mixed(enum.Enum):
    A = "a"
    B = 1


class MixedIntFirst(enum.Enum):
    B = 1
    A = "a"


class IntMixin(int, enum.Enum):
    ONE = 1
    TWO = 2


class IntAuto(enum.IntEnum):
    FIRST = enum.auto()
    SECOND = enum.auto()


class Bits(enum.Flag):
    R = 4
    W = 2


class IntBits(enum.IntFlag):
    R = 4
    W = 2


class Nothing(enum.Enum):
    pass


class Unicode(enum.Enum):
    ÉTÉ = "summer"
    lower = "x"


class Methods(enum.Enum):
    A = "a"

    @property
    def label(self) -> str:
        return self.value.upper()


CASES = [
    Case("enum-text", Text, Text.RED),
    Case("enum-text-second", Text, Text.GREEN),
    Case("enum-str-mixin", TextMixin, TextMixin.B),
    Case("enum-strenum-auto", StrEnum, StrEnum.ONE),
    Case("enum-strenum", StrEnum, StrEnum.TWO),
    Case("enum-int", IntEnum, IntEnum.HIGH),
    Case("enum-int-zero", IntEnum, IntEnum.ZERO),
    Case("enum-numbers", Numbers, Numbers.TWO, rejects="type"),
    Case("enum-auto", Auto, Auto.SECOND, rejects="type"),
    Case("enum-alias", Aliased, Aliased.ROUGE),
    Case("enum-unicode", Unicode, Unicode.ÉTÉ),
    Case("enum-methods", Methods, Methods.A),
    Case("enum-floats", Floats, Floats.HALF, rejects="type"),
    Case("enum-tuples", Tuples, Tuples.PAIR, rejects="type"),
    Case("enum-mixed", Mixed, Mixed.B, rejects="value"),
    Case("enum-mixed-str-member", Mixed, Mixed.A),
    Case("enum-mixed-int-first", MixedIntFirst, MixedIntFirst.A, rejects="type"),
    Case("enum-int-mixin", IntMixin, IntMixin.TWO, rejects="type"),
    Case("enum-int-auto", IntAuto, IntAuto.SECOND),
    Case("enum-flag", Bits, Bits.R, rejects="type"),
    Case("enum-int-flag", IntBits, IntBits.R, rejects="type"),
    Case("enum-no-members", Nothing, None, rejects="type"),
    Case("enum-base", enum.Enum, Text.RED, rejects="type"),
    Case("enum-from-name", Text, "RED"),
    Case("enum-from-value", Text, "r", rejects="value"),
    Case("enum-from-wrong-str", Text, "BLUE", rejects="value"),
    Case("enum-from-int", IntEnum, 1, rejects="value"),
    Case("enum-from-other", Text, TextMixin.A, rejects="value"),
    Case("enum-from-none", Text, None, rejects="value"),
    Case("list-enum", list[Text], [Text.RED, Text.GREEN]),
    Case("dict-enum", dict[str, Text], {"a": Text.RED}),
    Case("list-enum-int", list[IntEnum], [IntEnum.LOW]),
    Case("dict-enum-keys", dict[Text, int], {Text.RED: 1}),
    Case("literal-str", typing.Literal["a", "b"], "a"),
    Case("literal-int", typing.Literal[1, 2], 2),
    Case("literal-mixed", typing.Literal["a", 1, None], 1),
    Case("literal-wrong", typing.Literal["a", "b"], "z"),
    Case("list-literal", list[typing.Literal["a", "b"]], ["a", "b"]),
    Case("optional-literal", typing.Literal["a", "b"] | None, "b"),
]
