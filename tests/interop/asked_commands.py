"""The commands that both command lines are given, in this order, and the files they are about."""

from .command_requests import Command

SHOP = """\
import asyncio
from datetime import datetime, timedelta

import flyte

env = flyte.TaskEnvironment(name="shop")


@env.task
async def price(item: int) -> int:
    print(f"pricing {item}", flush=True)
    return item * 2


@env.task
async def order(items: int = 2, name: str = "order", sure: bool = False, weights: list[float] = [1.0]) -> int:
    return sum(await asyncio.gather(*[price(item) for item in range(items)]))
"""
FULL = """\
import asyncio
from datetime import datetime, timedelta
from enum import Enum

import flyte

nightly = flyte.Trigger(
    name="nightly",
    automation=flyte.Cron("0 3 * * *"),
    description="Each night.",
    inputs={"when": flyte.TriggerTime, "count": 3},
    env_vars={"MODE": "nightly"},
    labels={"team": "ml"},
)
often = flyte.Trigger(name="often", automation=flyte.FixedRate(360), auto_activate=False, inputs={"count": 1})
base = flyte.TaskEnvironment(name="base", image="registry.example.org/base:1")
env = flyte.TaskEnvironment(
    name="full",
    description="An environment with everything.",
    resources=flyte.Resources(cpu=(1, 2), memory="200Mi"),
    secrets=[flyte.Secret(key="TOKEN", as_env_var="TOKEN")],
    env_vars={"PLACE": "here"},
    depends_on=[base],
    queue="slow",
)


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@base.task
async def part(number: int) -> int:
    return number


@env.task(
    cache=flyte.Cache("override", version_override="1"),
    retries=2,
    timeout=timedelta(minutes=5),
    docs=flyte.Documentation(description="Does all of it."),
    triggers=[nightly, often],
    short_name="everything",
    interruptible=True,
)
async def whole(count: int = 1, when: datetime = datetime(2026, 1, 2), size: Size = Size.SMALL) -> dict[str, int]:
    \"\"\"Do it.

    Args:
        count: How many.
    \"\"\"
    return {str(number): await part(number) for number in range(count)}
"""
WAITING = """\
import flyte

env = flyte.TaskEnvironment(name="waiting")


@env.task
async def ask() -> bool:
    sure = await flyte.new_condition.aio("sure", data_type=bool, prompt="Sure?")
    return await sure.wait.aio()
"""
READ = """\
from dataclasses import dataclass
from datetime import timedelta

import flyte
import flyte.io

env = flyte.TaskEnvironment(name="read")


@dataclass
class Point:
    x: int
    y: float = 2.5


@env.task
async def read(
    file: flyte.io.File, folder: flyte.io.Dir, point: Point, counts: dict[str, int], span: timedelta, maybe: int | None = None
) -> int:
    return point.x
"""
FILES = {
    "read.py": READ,
    "parts/two.txt": "two",
    "shop.py": SHOP,
    "full.py": FULL,
    "waiting.py": WAITING,
    "parts/one.py": SHOP.replace("shop", "one"),
    "key.bin": "bytes",
}
COMMANDS = {
    "create secret for tasks": Command("create secret TOKEN --value hidden"),
    "create project": Command("create project --id made --name Made --description 'for a test' -l a=b -l c=d"),
    "update project": Command("update project made --name Other --description changed -l e=f"),
    "archive project": Command("update project made --archive"),
    "unarchive project": Command("update project made --unarchive"),
    "get project": Command("get project"),
    "get project NAME": Command("get project made"),
    "get project --archived": Command("get project --archived"),
    "run": Command("run --name first shop.py order --items 1 --name it --sure --weights [1.5,2.5]"),
    "run with options": Command(
        "run --name second -p made -d staging -e A=1 -e B=x=y --label team=ml --raw-data-path {folder}/raw "
        "--service-account robot --max-action-concurrency 3 --queue fast --image registry.example.org/img:1 "
        "--version v7 --no-sync-local-sys-paths shop.py order"
    ),
    "run --follow": Command("run --follow --name third shop.py order --items 2"),
    "run of types": Command(
        "run --follow --name fourth full.py whole --count 0 --when 2026-02-03T04:05:06 --size LARGE"
    ),
    "run with files": Command(
        "run --name files read.py read --file key.bin --folder parts --point '{\"x\": 1}' --counts '{\"a\": 1}' --span PT1H30M"
    ),
    "run without code": Command("run --name fifth --copy-style none --version v0 shop.py order"),
    "run logging": Command(
        "--log-format json --user-log-level error run --name sixth shop.py order", env={"LOG_LEVEL": "15"}
    ),
    "run --debug": Command("run --debug --name debugged -e A=1 shop.py order --items 0"),
    "run --debug with a variable": Command("run --debug --name debugged-too -e _F_E_VS=0 shop.py order --items 0"),
    "deploy": Command("deploy --version v1 full.py env"),
    "deploy again": Command("deploy --version v1 full.py env"),
    "deploy without version": Command("deploy shop.py env"),
    "deploy all files": Command("deploy --copy-style all --version v3 -p made -d staging full.py env"),
    "deploy without code": Command("deploy --copy-style none --version v2 full.py env"),
    "deploy a folder": Command("deploy --recursive --all --version v4 parts"),
    "deploy with an image": Command("deploy --image registry.example.org/img:1 --version v5 shop.py env"),
    "run deployed-task": Command("run --name seventh deployed-task shop.order --items 1 --name it --weights [0.5]"),
    "run deployed-task of a version": Command(
        "run --name eighth --label a=b -e C=1 deployed-task shop.order:v5 --items 1"
    ),
    "run --debug deployed-task": Command("run --debug --name debugged-three deployed-task shop.order --items 0"),
    "run deployed-task elsewhere": Command(
        "run --name ninth --run-project made --run-domain staging deployed-task shop.order"
    ),
    "get run": Command("get run"),
    "get run --limit": Command("get run --limit 5"),
    "get run NAME": Command("get run first"),
    "get run with filters": Command(
        "get run --limit 7 --in-phase failed --only-mine --task-name shop.order --task-version v7 --created-after 2026-01-02 "
        "--created-before 2030-01-02 --updated-after 2026-01-02T03:04:05 --updated-before 2030-01-02 --with-label team=ml "
        "--with-label-key team -p made -d staging",
        env={"TZ": "Asia/Tokyo"},
    ),
    "get run --paused-only": Command("get run --paused-only"),
    "get action RUN": Command("get action third"),
    "get action RUN NAME": Command("get action third a0"),
    "get action --in-phase": Command("get action third --in-phase succeeded"),
    "get io": Command("get io third"),
    "get io of an action": Command("get io third a0"),
    "get io --inputs-only": Command("get io third --inputs-only"),
    "get io --outputs-only": Command("get io third a0 --outputs-only"),
    "get logs": Command("get logs third"),
    "get logs of an action": Command("get logs third a0"),
    "get logs of an attempt": Command("get logs third a0 --attempt 1"),
    "get code": Command("get code third"),
    "get task": Command("get task"),
    "get task --limit": Command("get task --limit 3 -p made -d staging"),
    "get task NAME": Command("get task shop.order"),
    "get task NAME VERSION": Command("get task full.whole v1"),
    "get task --entrypoint": Command("get task --entrypoint"),
    "get trigger": Command("get trigger"),
    "get trigger of a task": Command("get trigger full.whole"),
    "get trigger NAME": Command("get trigger full.whole nightly"),
    "create trigger": Command(
        "create trigger full.whole hourly --schedule '0 * * * *' --description 'Each hour' --trigger-time-var when"
    ),
    "create trigger without schedule": Command("create trigger shop.order by_hand"),
    "deactivate trigger": Command("update trigger nightly full.whole --deactivate"),
    "activate trigger": Command("update trigger often full.whole --activate"),
    "delete trigger": Command("delete trigger often full.whole"),
    "create secret": Command("create secret KEY --value hidden"),
    "create secret of a project": Command("create secret KEY --value hidden -p made"),
    "create secret of a domain": Command("create secret KEY --value hidden -d staging"),
    "create secret of both": Command("create secret KEY --value hidden -p made -d staging"),
    "create secret from a file": Command("create secret BYTES --from-file key.bin"),
    "create secret of a pool": Command("create secret POOL --value hidden --cluster-pool pool"),
    "create image pull secret": Command(
        "create secret PULL --type image_pull --registry ghcr.io --username me --password hidden"
    ),
    "create secret that is typed": Command("create secret TYPED", typed="hidden\n"),
    "get secret": Command("get secret"),
    "get secret of a project": Command("get secret -p made -d staging"),
    "get secret NAME": Command("get secret KEY"),
    "get secret NAME of both": Command("get secret KEY -p made -d staging"),
    "get secret of a pool": Command("get secret POOL --cluster-pool pool"),
    "delete secret": Command("delete secret KEY"),
    "delete secret of both": Command("delete secret KEY -p made -d staging"),
    "create artifact": Command(
        "create artifact report --from-file key.bin --version v1 --description 'A report' --attr a=b --kind data "
        "--external-ref hf://x --partition region=us --partition date=2026-08-01"
    ),
    "get artifact": Command("get artifact"),
    "get artifact NAME": Command(
        "get artifact report --limit 3 --kind data --attr a=b --created-after 2026-01-02", env={"TZ": "Asia/Tokyo"}
    ),
    "get artifact NAME VERSION": Command("get artifact report v1"),
    "whoami": Command("whoami"),
    "run that waits": Command("run --name asking waiting.py ask"),
    "get condition": Command("get condition asking", waits_for=("asking", "paused")),
    "run to signal": Command("run --name signalled waiting.py ask"),
    "signal condition": Command("signal condition signalled {action} true", waits_for=("signalled", "paused")),
    "run to abort": Command("run --name aborted waiting.py ask"),
    "abort action": Command("abort action asking {action} --reason 'not this'", waits_for=("asking", "paused")),
    "abort run": Command("abort run aborted --reason 'not needed'"),
    "rerun": Command("rerun third --name tenth -e X=1 --label l=m"),
    "rerun with inputs": Command("rerun third --name eleventh --items 1"),
    "rerun --recover": Command("rerun third --name twelfth --recover"),
    "rerun of an action": Command("rerun third --name thirteenth --action-name a0"),
    "get settings": Command("get settings"),
}
