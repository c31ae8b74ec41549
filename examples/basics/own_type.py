"""A type of your own with a form of your own, registered once."""

from fractions import Fraction
from typing import Any

from flyteidl2.core import literals_pb2, types_pb2

import flyte
from flyte.types import TypeEngine, TypeTransformer

env = flyte.TaskEnvironment("own_type")


class FractionTransformer(TypeTransformer[Fraction]):
    """Stores a fraction as text: 1/3."""

    def __init__(self) -> None:
        super().__init__("fraction", Fraction)

    def get_literal_type(self, t: Any = None) -> types_pb2.LiteralType:
        return types_pb2.LiteralType(simple=types_pb2.STRING)

    async def to_literal(self, python_val: Fraction, python_type: Any, expected: Any) -> literals_pb2.Literal:
        text = literals_pb2.Primitive(string_value=str(python_val))
        return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=text))

    async def to_python_value(self, lv: literals_pb2.Literal, expected_python_type: Any) -> Fraction:
        return Fraction(lv.scalar.primitive.string_value)


TypeEngine.register(FractionTransformer())


@env.task
def half(x: Fraction) -> Fraction:
    return x / 2


if __name__ == "__main__":
    print(flyte.run(half, Fraction(1, 3)).outputs()[0])

# prints: 1/6
