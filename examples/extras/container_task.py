"""A container as a task: any image, any command, inputs in its arguments and outputs in files."""

import flyte
from flyte.extras import ContainerTask

greet = ContainerTask(
    name="greet",
    image="alpine:3",
    command=["sh", "-c", "echo hello {{.inputs.name}} > /var/outputs/greeting"],
    inputs={"name": str},
    outputs={"greeting": str},
)
env = flyte.TaskEnvironment.from_task("containers_example", greet)

if __name__ == "__main__":
    print(greet.task_type, greet.interface.outputs, list(env.tasks))

# prints: raw-container {'greeting': <class 'str'>} ['greet']
