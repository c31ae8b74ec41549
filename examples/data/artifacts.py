"""Artifacts: outputs that a control plane publishes under a name, with partitions and a card."""

from datetime import date

import flyte
from flyte.artifacts import Card, Metadata, TimePartition, new, produces
from flyte.io import File

env = flyte.TaskEnvironment("artifacts_example")


@env.task(produces_artifacts=True)
async def train(day: date) -> File:
    file = File.new_remote()
    async with file.open("wb") as out:
        await out.write(b"weights")
    card = Card(uri="https://example.org/card.html", card_type="model")
    return new(file, Metadata(name="model", kind="model", card=card, partitions={"day": TimePartition(day)}))


@env.task
async def main() -> str:
    with produces(o0=Metadata(name="model-of-the-day")):
        model = await train(date(2026, 1, 1))
    return (await (await model.open("rb").__aenter__()).read()).decode()


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: weights
