"""Dataclasses travel between tasks with their types, nested ones too."""

from dataclasses import dataclass, field

import flyte

env = flyte.TaskEnvironment("dataclasses_between_tasks")


@dataclass
class Item:
    name: str
    price: float


@dataclass
class Order:
    items: list[Item] = field(default_factory=list)
    note: str | None = None


@env.task
def make(names: list[str]) -> Order:
    return Order([Item(name, len(name) * 1.5) for name in names])


@env.task
def total(order: Order) -> float:
    return sum(item.price for item in order.items)


@env.task
def main() -> float:
    return total(make(["tea", "cocoa"]))


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: 12.0
