"""Settings that a cluster heeds: warm containers, pods, service accounts, queues, links."""

import flyte


class Dashboard:
    """A link that is shown with the action."""

    name = "dashboard"
    icon_uri = ""

    def get_link(self, run_name: str, **place: object) -> str:
        return f"https://example.org/{run_name}"


warm = flyte.TaskEnvironment(
    "warm", reusable=flyte.ReusePolicy(replicas=(1, 4), idle_ttl=120, concurrency=8), queue="fast"
)
pods = flyte.TaskEnvironment(
    "pods", pod_template=flyte.PodTemplate(labels={"team": "blue"}), service_account="robot", interruptible=True
)


@warm.task
async def quick(x: int) -> int:
    return x + 1


@pods.task(links=(Dashboard(),), docs=flyte.Documentation("Says where to look"))
def shown() -> str:
    return shown.links[0].get_link("r1")


if __name__ == "__main__":
    print(flyte.run(quick, 1).outputs()[0], flyte.run(shown).outputs()[0])

# prints: 2 https://example.org/r1
