"""Count the words of a text file: a file goes in, chunks are counted side by side, one result comes out.

flyte run examples/quickstart/word_stats.py main --path README.md
"""

import re
from collections import Counter
from dataclasses import dataclass

import flyte
from flyte.io import File

env = flyte.TaskEnvironment("word_stats", description="Word statistics of a text file")


@dataclass
class ChunkStats:
    """What one chunk of lines holds."""

    lines: int
    words: int
    counts: dict[str, int]


@dataclass
class WordStats:
    """What the whole file holds."""

    lines: int
    words: int
    distinct: int
    top: list[str]


@env.task
async def split(path: File, chunk_lines: int) -> list[str]:
    """Read the file and cut it into chunks of `chunk_lines` lines."""
    async with path.open("rb") as stream:
        text = bytes(await stream.read()).decode("utf-8")
    lines = text.splitlines(keepends=True)
    return ["".join(lines[start : start + chunk_lines]) for start in range(0, len(lines), chunk_lines)]


@env.task(retries=2)
def load_stop_words() -> list[str]:
    """Fetch the words to leave out, from a service that is down the first time it is asked."""
    if flyte.ctx().attempt_number == 0:
        raise ConnectionError("the stop word service is starting up")
    return ["a", "an", "and", "for", "in", "is", "it", "of", "on", "or", "that", "the", "to", "with"]


@env.task
def count(chunk: str, stop_words: list[str]) -> ChunkStats:
    """Count the words of one chunk."""
    words = re.findall(r"[^\W\d_]+", chunk.lower())
    counts = Counter(word for word in words if word not in stop_words)
    return ChunkStats(lines=chunk.count("\n"), words=len(words), counts=dict(counts))


@env.task
def reduce(chunks: list[ChunkStats], top: int) -> WordStats:
    """Add the chunks up."""
    total: Counter[str] = Counter()
    for chunk in chunks:
        total.update(chunk.counts)
    return WordStats(
        lines=sum(chunk.lines for chunk in chunks),
        words=sum(chunk.words for chunk in chunks),
        distinct=len(total),
        top=[word for word, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:top]],
    )


@env.task
async def main(path: File, chunk_lines: int = 20, top: int = 5) -> WordStats:
    """Count the words of a text file.

    Args:
        path: The text file.
        chunk_lines: How many lines are counted together.
        top: How many of the commonest words to name.
    """
    chunks = await split(path, chunk_lines)
    stop_words = await load_stop_words.aio()
    counted = [
        result async for result in flyte.map.aio(count, chunks, [stop_words] * len(chunks), return_exceptions=False)
    ]
    return await reduce.aio(counted, top)


if __name__ == "__main__":
    run = flyte.run(main, File.from_existing_remote(__file__))
    print(run.outputs()[0])
