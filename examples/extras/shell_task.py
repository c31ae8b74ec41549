"""A task made of a shell script in a container; here only its specification, since running it needs docker or podman."""

import flyte
from flyte.extras import serialize, shell
from flyte.io import File

count = shell.create(
    "count_lines",
    image="debian:12",
    inputs={"text": File, "unique": bool},
    outputs={"lines": shell.Stdout(type=int)},
    script="sort {flags.unique} {inputs.text} | wc -l",
    flag_aliases={"unique": "-u"},
)
env = flyte.TaskEnvironment("shell_example", depends_on=[count.env])


@env.task
async def main(text: File) -> int:
    return await count(text=text, unique=True)


if __name__ == "__main__":
    template = serialize(count.as_task()).task_template
    print(template.type, template.container.image, list(template.interface.outputs.variables[0].key))

# prints: raw-container debian:12 ['l', 'i', 'n', 'e', 's']
