"""Record what PyPI flyte 2.12.1 registers for every case, as `recorded-2.12.1.json` beside this file.

Run it with the interpreter of an environment that has `flyte==2.12.1` and `kubernetes`:
`python tests/contract/registration/record.py`.
"""

import asyncio
import importlib
import json
import logging
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
REMOTES = {
    "https": "https://github.com/example/project.git",
    "ssh": "git@github.com:example/project.git",
    "gitlab": "https://gitlab.com/group/sub/project.git",
    "gitlab-ssh": "git@gitlab.com:group/project.git",
    "other": "https://git.example.org/a/b.git",
    "none": None,
}
PROGRAM = '''import flyte

env = flyte.TaskEnvironment(name="env")


@env.task
async def work(x: int) -> int:
    """Do the work."""
    return x
'''


def context_of(given):
    from flyte._internal.image_cache import ImageCache
    from flyte.models import CodeBundle, SerializationContext

    bundle = None
    if given.get("bundle", True):
        place = {"pkl": given["pkl"]} if "pkl" in given else {"tgz": "s3://bucket/fast0123.tar.gz"}
        bundle = CodeBundle(computed_version="bundle-1", destination=given.get("destination", "."), **place)
    lookup = given.get("image_lookup", {"env": cases.IMAGE, "e" * 80: cases.IMAGE})
    cache = None
    if lookup is not None:
        run = given.get("build_run")
        cache = ImageCache(image_lookup=lookup, **({"build_run_ids": {"env": run}} if run else {}))
    paths = {name: given[name] for name in ("input_path", "output_path") if name in given}
    return SerializationContext(
        version="v1",
        project=given.get("project", "p"),
        domain=given.get("domain", "d"),
        org=given.get("org", "o"),
        code_bundle=bundle,
        image_cache=cache,
        root_dir=HERE.parent if given.get("root_above") else HERE,
        **paths,
    )


def registered(name):
    from google.protobuf.json_format import MessageToDict

    from flyte._internal.runtime.convert import convert_upload_default_inputs
    from flyte._internal.runtime.task_serde import translate_task_to_wire

    given = cases.CONTEXTS[name]
    try:
        task = cases.CASES[name]()
        defaults = asyncio.run(convert_upload_default_inputs(task.interface)) if given.get("default_inputs") else None
        if given.get("deployed"):
            return {"request": MessageToDict(deployed(task, context_of(given)), preserving_proto_field_name=True)}
        inside = {"task_context": task_context()} if given.get("task_context") else {}
        spec = translate_task_to_wire(task, context_of(given), default_inputs=defaults, **inside)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"spec": MessageToDict(spec, preserving_proto_field_name=True)}


def task_context():
    from flyte.models import ActionID, RawDataPath, TaskContext

    return TaskContext(
        action=ActionID(name="a0", run_name="the-run", project="p", domain="d", org="o"),
        version="v1",
        raw_data_path=RawDataPath(path="s3://raw"),
        output_path="s3://out",
        run_base_dir="s3://base",
        report=None,
        custom_context={"key": "value"},
    )


class Recorder:
    """Stands for the client: remembers what it is asked to deploy."""

    def __init__(self):
        self.requests = []

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        from connectrpc.code import Code
        from connectrpc.errors import ConnectError

        raise ConnectError(Code.UNIMPLEMENTED, "only deployments are recorded")

    async def deploy_task(self, request, *args, **kwargs):
        self.requests.append(request)


def deployed(task, context):
    import flyte
    import flyte._deploy
    import flyte._initialize

    recorder = Recorder()
    flyte.init(
        endpoint="localhost:9",
        insecure=True,
        project="p",
        domain="d",
        org="o",
        root_dir=HERE,
        sync_local_sys_paths=False,
    )
    flyte._deploy.get_client = flyte._initialize.get_client = lambda: recorder
    asyncio.run(flyte._deploy._deploy_task(task, context))
    return recorder.requests[0]


def linked(remote):
    code = (
        "import sys; sys.path.insert(0, 'pkg')\n"
        "import program\n"
        "from flyte._deploy import _get_documentation_entity\n"
        "print(_get_documentation_entity(program.work).source_code.link)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        sha = repository(Path(folder), remote)
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip().replace(sha, "SHA")


def repository(folder, remote):
    def git(*args):
        return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    (folder / "pkg").mkdir()
    (folder / "pkg" / "program.py").write_text(PROGRAM)
    git("init", "-q")
    if remote:
        git("remote", "add", "origin", remote)
    git("add", ".")
    git("-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "m")
    return git("rev-parse", "HEAD")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    cases = importlib.import_module("cases")
    recorded = {
        "specs": {name: registered(name) for name in cases.CASES},
        "links": {name: linked(remote) for name, remote in REMOTES.items()},
    }
    rows = [f'"links": {json.dumps(recorded["links"])}']
    specs = [f"{json.dumps(name)}: {json.dumps(spec, sort_keys=True)}" for name, spec in recorded["specs"].items()]
    rows.append('"specs": {\n' + ",\n".join(specs) + "\n}")
    (HERE / "recorded-2.12.1.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
