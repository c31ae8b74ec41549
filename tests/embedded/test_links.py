"""Links of tasks: registered as 2.12.1 registers them, filled in by the devbox, shown by the command."""

import asyncio
import json
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

from flyte.registration.triggers import deploy_request
from flyte_models.serialization import SerializationContext

from .running import write_config

PROGRAM = textwrap.dedent("""
    from dataclasses import dataclass

    import flyte


    @dataclass
    class Metrics:
        name: str = "Metrics"
        icon_uri: str = "https://metrics.example/icon.svg"

        def get_link(self, run_name, project, domain, context, parent_action_name, action_name, pod_name, **kwargs):
            return f"https://metrics.example/{run_name}/{project}/{domain}/{parent_action_name}/{action_name}/{pod_name}"


    env = flyte.TaskEnvironment(name="links")


    @env.task(links=[Metrics()])
    async def child(x: int) -> int:
        return x


    @env.task(links=[Metrics()], retries=0)
    async def parent(x: int = 1) -> int:
        return await child(x)
""")


def test_links_lead_to_the_attempt_that_shows_them(port: int, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    write_config(tmp_path / "config.yaml", port)
    flyte_command = str(Path(sys.executable).with_name("flyte"))

    def run(*words: str) -> str:
        done = subprocess.run(
            [flyte_command, *words], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("run", "--name", "linked", "--follow", "program.py", "parent")
    actions = json.loads(run("get", "action", "linked", "-of", "json"))
    assert len(actions) == 2
    for action in actions:
        name = action["name"]
        # The call of a child knows its parent; of a root action, and of what is deployed, the control plane fills it in.
        parent = "a0"
        (attempt,) = json.loads(run("get", "action", "linked", name, "-of", "json"))["tries"]
        uri = f"https://metrics.example/linked/flytesnacks/development/{parent}/{name}/linked-{name}-0"
        assert attempt["links"] == [{"name": "Metrics", "uri": uri}]
        assert f"Metrics: {uri}" in run("get", "action", "linked", name)
        page = f"http://localhost:{port}/v2/domain/development/project/flytesnacks/runs/linked?i={name}"
        with urllib.request.urlopen(page, timeout=60) as answer:
            assert f'<a href="{uri}" rel="noopener noreferrer" target="_blank">Metrics</a>' in answer.read().decode()


def test_what_is_deployed_leaves_places_open_as_in_the_reference(tmp_path: Path) -> None:
    (tmp_path / "links_program.py").write_text(PROGRAM)
    sys.path.insert(0, str(tmp_path))
    try:
        import links_program  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.remove(str(tmp_path))
    context = SerializationContext(version="v", project="p", domain="d", org="o", root_dir=tmp_path)
    request = asyncio.run(deploy_request(links_program.parent, context, None))
    (found,) = request.spec.task_template.metadata.log_links
    # Recorded of 2.12.1 at a devbox on 2026-11-26.
    places = "{{.runName}}/{{.executionProject}}/{{.executionDomain}}/{{.actionName}}/{{.actionName}}/{{.podName}}"
    assert (found.name, found.uri) == ("Metrics", f"https://metrics.example/{places}")
    assert found.icon_uri == "https://metrics.example/icon.svg"
