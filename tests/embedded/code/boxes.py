"""Tasks that are commands in an image which knows nothing of Flyte."""

import os

import flyte
from flyte.extras import ContainerTask, shell
from flyte.io import Dir, File

IMAGE = os.environ["BOXES_IMAGE"]

greet = ContainerTask(
    name="greet",
    image=IMAGE,
    command=["sh", "-c"],
    arguments=[
        (
            "echo to the log; "
            'printf "%s %s %s" "$0" "$1" "$GREETING" > /var/outputs/text; '
            "cat /var/inputs/word | tr a-z A-Z > /var/outputs/loud; "
            "cat /var/inputs/inputs.json > /var/outputs/told"
        ),
        "{{.inputs.word}}",
        "{{.inputs.count}}",
    ],
    inputs={"word": str, "count": int},
    outputs={"text": str, "loud": str, "told": str},
    env_vars={"GREETING": "hello"},
)

count = ContainerTask(
    name="count",
    image=IMAGE,
    command=["sh", "-c", ("wc -l < {{.inputs.lines}} > /var/outputs/lines; mkdir /var/outputs/parts; "
             "cat {{.inputs.lines}} > /var/outputs/parts/all; sort {{.inputs.lines}} > /var/outputs/ordered")],
    inputs={"lines": File},
    outputs={"lines": int, "parts": Dir, "ordered": File},
)  # fmt: skip

fail = ContainerTask(name="fail", image=IMAGE, command=["sh", "-c", "echo why >&2; exit 3"])

forget = ContainerTask(name="forget", image=IMAGE, command=["true"], outputs={"never": int})

wait = ContainerTask(name="wait", image=IMAGE, command=["sh", "-c", "echo waiting; sleep 600"])

gate = ContainerTask(
    name="gate",
    image=IMAGE,
    command=["sh", "-c", "until test -e /var/outputs/go; do sleep 0.1; done; echo gone on > /var/outputs/text"],
    outputs={"text": str},
)

sort = shell.create(
    "sort_lines",
    image=IMAGE,
    inputs={"lines": File, "backwards": bool},
    outputs={"ordered": File},
    flag_aliases={"backwards": "-r"},
    script="sort {flags.backwards} {inputs.lines} > {outputs.ordered}",
)

boxes = flyte.TaskEnvironment.from_task("boxes", greet, count, fail, forget, wait, gate)
env = flyte.TaskEnvironment("flow", depends_on=[boxes, sort.env])


@env.task
async def greeted(word: str) -> list[str]:
    return list(await greet.aio(word=word, count=3))


@env.task
async def counted(text: str) -> tuple[int, list[str], str, str]:
    with open("lines.txt", "w") as file:
        file.write(text)
    lines = await File.from_local("lines.txt")
    number, parts, ordered = await count.aio(lines=lines)
    names = [each.name async for each in parts.walk()]
    backwards = await sort(lines=ordered, backwards=True)
    return number, names, await read(ordered), await read(backwards)


async def read(file: File) -> str:
    async with file.open("rb") as content:
        return bytes(await content.read()).decode()


@env.task
async def failed() -> None:
    await fail.aio()


@env.task
async def forgotten() -> int:
    return await forget.aio()


@env.task
async def waiting() -> None:
    await wait.aio()


@env.task
async def gated() -> str:
    return (await gate.aio()).strip()
