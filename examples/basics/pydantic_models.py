"""Pydantic models are checked where they enter a task."""

from pydantic import BaseModel, Field

import flyte

env = flyte.TaskEnvironment("pydantic_models")


class Settings(BaseModel):
    rate: float = Field(gt=0)
    tags: list[str] = []


@env.task
def main(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate": settings.rate / 2})


if __name__ == "__main__":
    print(flyte.run(main, Settings(rate=0.5, tags=["a"])).outputs()[0])

# prints: rate=0.25 tags=['a']
