"""Batches measured in tokens, for prompts of a language model."""

import asyncio

from flyte.extras import Prompt, TokenBatcher


async def answer(batch: list[Prompt]) -> list[str]:
    return [prompt.text[::-1] for prompt in batch]


async def main() -> list[str]:
    async with TokenBatcher(answer, target_batch_tokens=100, batch_timeout_s=0.01) as batcher:
        return await asyncio.gather(*await batcher.submit_batch([Prompt("abc"), Prompt("xyz")]))


if __name__ == "__main__":
    print(asyncio.run(main()))

# prints: ['cba', 'zyx']
