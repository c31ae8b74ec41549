"""What `record_declarations.py` asks of PyPI flyte 2.12.1, and the tests of the declarations ask of ours: Python expressions.

`CASES` are evaluated with the public names of `flyte`, `flyte.notify` and `flyte.artifacts`, and some of the standard library;
`POD_CASES` with the names of `kubernetes.client` as well. `outcome` is what is compared: the value, or the class of the error.
"""

import copy
import dataclasses
import pickle
import warnings
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from pathlib import Path, PurePath

STANDARD = {
    "Path": Path,
    "copy": copy,
    "dataclasses": dataclasses,
    "date": date,
    "datetime": datetime,
    "pickle": pickle,
    "time": time,
    "timedelta": timedelta,
    "timezone": timezone,
}

# Every name whose parameters, fields and methods are recorded as well.
CLASSES = """
Cache ConditionWebhook Cron Device Documentation FixedRate OnArtifact PodTemplate Resources ReusePolicy Secret Trigger
TriggeredPartition Email NamedDelivery NamedRule Notification Slack Teams Webhook Card Metadata TimePartition
""".split()
FUNCTIONS = "AMD_GPU APPLE_SILICON GPU HABANA_GAUDI Neuron TPU".split()
ALIASES = "CardFormat CardType DeviceClass Granularity Kind Accelerators".split()
PROTOCOLS = {"Link": "get_link", "CachePolicy": "get_version", "Artifact": "get_artifact_metadata"}


def add_one(x: int) -> int:
    """Add one."""
    return x + 1  # this comment is no part of the version


async def wait_and_add(x: int, *, by: int = 2) -> int:
    async def inner():
        return x + by

    return await inner()


class Indented:
    def method(self, text: str = "a'b") -> str:
        return f"{text!r:>{10}}"


class FixedPolicy:
    """A policy of a user's."""

    def __init__(self, version):
        self.version = version

    def get_version(self, salt, params):
        if isinstance(self.version, Exception):
            raise self.version
        return self.version if not isinstance(self.version, str) else self.version + salt


OWN = {
    "FixedPolicy": FixedPolicy,
    "add_one": add_one,
    "method": Indented.method,
    "wait_and_add": wait_and_add,
}


def describe(value, singletons):
    """Turn a value into JSON that does not depend on where its class stands."""
    for name, single in singletons.items():
        if value is single:
            return f"the {name}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and dataclasses.fields(value):
        fields = {f.name: describe(getattr(value, f.name), singletons) for f in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, dict):
        return {"dict": [[describe(k, singletons), describe(v, singletons)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [describe(each, singletons) for each in value]}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(str(describe(each, singletons)) for each in value)}
    if isinstance(value, PurePath):
        return f"Path({str(value)!r})"
    if value is None or isinstance(value, (str, bytes, bool, int, float, date, time, timedelta)):
        return repr(value)
    if isinstance(value, type):
        return f"class {value.__name__}"
    return f"a {type(value).__name__}"


def outcome(expression, names, singletons):
    """Evaluate an expression: its value described, or the class of what it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {"value": describe(eval(expression, dict(names)), singletons)}
    except NameError:
        raise  # A case that cannot be asked is a mistake of ours.
    except Exception as error:
        return {"error": type(error).__name__}


CASES = [
    "GPU('T4',1)",
    "GPU('T4',0)",
    "GPU('T4',9)",
    "GPU('T4','1')",
    "GPU('T4',True)",
    "GPU('T4',1.0)",
    "GPU('A100 80G',2)",
    "GPU('RTX PRO 6000',1)",
    "GPU('RTX_PRO_6000',1,'1g.24gb')",
    "GPU('RTX_PRO_6000',8)",
    "GPU('RTX_PRO_4500',8)",
    "GPU('A100',1,'1g.5gb')",
    "GPU('A100',1,'1g.10gb')",
    "GPU('A100_80G',1,'1g.10gb')",
    "GPU('A100 80G',1,'1g.10gb')",
    "GPU('A100 80G',1,'bad')",
    "GPU('H100',1,'1g.10gb')",
    "GPU('H100',1,'x')",
    "GPU('H200',1,'7g.141gb')",
    "GPU('B200',1,'1g.10gb')",
    "GPU('T4',1,'1g.5gb')",
    "GPU('T4 shared',1)",
    "GPU('T4 shared',2)",
    "GPU('T4 shared',1,'1g.5gb')",
    "GPU('T4 shared',0)",
    "GPU('L40s',1)",
    "GPU('L40S',1)",
    "GPU('nope',1)",
    "GPU('',1)",
    "GPU(None,1)",
    "GPU(1,1)",
    "GPU('T4',None)",
    "GPU('A100',1,'')",
    "GPU('H100',1,'')",
    "TPU('V5E')",
    "TPU('V5E','2x2')",
    "TPU('V5E','2x2x1')",
    "TPU('V5P','2x2x1')",
    "TPU('V5P','2x2')",
    "TPU('V6E','16x16')",
    "TPU('V6E','2x2x2')",
    "TPU('V7')",
    "TPU('V5E','')",
    "TPU(None)",
    "Neuron('Inf1')",
    "Neuron('x')",
    "Neuron(None)",
    "AMD_GPU('MI100')",
    "AMD_GPU('x')",
    "HABANA_GAUDI('Gaudi1')",
    "HABANA_GAUDI('Gaudi2')",
    "APPLE_SILICON()",
    "Device(0,'GPU')",
    "Device(-1,'GPU')",
    "Device(1,'XXX')",
    "Device(1,'GPU',device='A100 80G')",
    "Device(1,None)",
    "Device('1','GPU')",
    "Device(1.5,'GPU')",
    "Device(None,'GPU')",
    "Device(True,'GPU')",
    "Device(100,'GPU')",
    "Device(2,'APPLE_SILICON')",
    "Device(1,'APPLE_SILICON','foo')",
    "Resources()",
    "Resources(cpu=1).cpu",
    "Resources(cpu=0)",
    "Resources(cpu=-1)",
    "Resources(cpu=0.5)",
    "Resources(cpu='500m')",
    "Resources(cpu='-1')",
    "Resources(cpu='abc')",
    "Resources(cpu='')",
    "Resources(cpu=True)",
    "Resources(cpu=(1,2))",
    "Resources(cpu=(2,1))",
    "Resources(cpu=('1','2'))",
    "Resources(cpu=(1,))",
    "Resources(cpu=(1,2,3))",
    "Resources(cpu=[1,2])",
    "Resources(cpu=(None,2))",
    "Resources(cpu=(1,None))",
    "Resources(cpu=(0,1))",
    "Resources(cpu=(-1,1))",
    "Resources(cpu=float('nan'))",
    "Resources(cpu=float('inf'))",
    "Resources(cpu={})",
    "Resources(cpu=b'1')",
    "Resources(cpu=())",
    "Resources(cpu='1Gi')",
    "Resources(cpu='1 ')",
    "Resources(memory='1Gi')",
    "Resources(memory='1gi')",
    "Resources(memory='1GB')",
    "Resources(memory='')",
    "Resources(memory=1)",
    "Resources(memory=('1Gi','2Gi'))",
    "Resources(memory=['1Gi','2Gi'])",
    "Resources(memory=('1Gi',))",
    "Resources(memory=('2Gi','1Gi'))",
    "Resources(memory=('1Gi',None))",
    "Resources(memory=('1Gi',2))",
    "Resources(memory='-1Gi')",
    "Resources(memory='0')",
    "Resources(memory='1e3')",
    "Resources(memory='1E')",
    "Resources(memory='1Ei')",
    "Resources(memory='1k')",
    "Resources(memory='1K')",
    "Resources(memory='1Ki')",
    "Resources(memory='1m')",
    "Resources(memory='1.5Gi')",
    "Resources(memory='.5Gi')",
    "Resources(memory='5.Gi')",
    "Resources(memory='+5Gi')",
    "Resources(memory=' 5Gi')",
    "Resources(memory='5 Gi')",
    "Resources(memory='1e3Gi')",
    "Resources(memory='1E3')",
    "Resources(memory='1n')",
    "Resources(memory='1u')",
    "Resources(memory='١Gi')",
    "Resources(memory='1Gi\\n')",
    "Resources(memory=True)",
    "Resources(memory=())",
    "Resources(disk='10Gi')",
    "Resources(disk=10)",
    "Resources(disk='x')",
    "Resources(disk='')",
    "Resources(disk=('1Gi','2Gi'))",
    "Resources(disk='0')",
    "Resources(shm='auto')",
    "Resources(shm='1Gi')",
    "Resources(shm='x')",
    "Resources(shm=1)",
    "Resources(shm='')",
    "Resources(shm='Auto')",
    "Resources(shm='auto').get_shared_memory()",
    "Resources(shm='1Gi').get_shared_memory()",
    "Resources().get_shared_memory()",
    "Resources(shm='').get_shared_memory()",
    "Resources(gpu=0)",
    "Resources(gpu=1)",
    "Resources(gpu=-1)",
    "Resources(gpu=100)",
    "Resources(gpu=1.5)",
    "Resources(gpu=True)",
    "Resources(gpu=False)",
    "Resources(gpu='1')",
    "Resources(gpu='T4')",
    "Resources(gpu='T4:1')",
    "Resources(gpu='T4:9')",
    "Resources(gpu='T4:0')",
    "Resources(gpu='A100 80G:8')",
    "Resources(gpu='A100 80G:9')",
    "Resources(gpu='RTX PRO 6000:2')",
    "Resources(gpu='RTX PRO 6000:3')",
    "Resources(gpu='AppleSilicon')",
    "Resources(gpu='AppleSilicon:1').get_device()",
    "Resources(gpu='AppleSilicon').get_device()",
    "Resources(gpu='AppleSilicon:2')",
    "Resources(gpu='')",
    "Resources(gpu='nope:1')",
    "Resources(gpu=('T4:1',))",
    "Resources(gpu={})",
    "Resources(gpu=GPU('T4',3)).get_device()",
    "Resources(gpu='T4:2').get_device()",
    "Resources(gpu='A100 80G:8').get_device()",
    "Resources(gpu='A100 80G:8').gpu",
    "Resources(gpu='Trn1:4').get_device()",
    "Resources(gpu='Inf2:12').get_device()",
    "Resources(gpu='MI100:1').get_device()",
    "Resources(gpu='Gaudi1:1').get_device()",
    "Resources(gpu='V5E:1').get_device()",
    "Resources(gpu='T4 shared:1').get_device()",
    "Resources(gpu='L40S shared:1').get_device()",
    "Resources(gpu='RTX PRO 6000:2').get_device()",
    "Resources(gpu='GB10:1').get_device()",
    "Resources(gpu=2).get_device()",
    "Resources(gpu=0).get_device()",
    "Resources(gpu=True).get_device()",
    "Resources().get_device()",
    "Secret('a')",
    "Secret('A-b')",
    "Secret('a','g')",
    "Secret('a b')",
    "Secret('')",
    "Secret(None)",
    "Secret(1)",
    "Secret('a',group='')",
    "Secret('a',as_env_var='')",
    "Secret('a',as_env_var='X')",
    "Secret('a',as_env_var='x')",
    "Secret('a',as_env_var='1X')",
    "Secret('a',as_env_var='X-Y')",
    "Secret('a',as_env_var='_X')",
    "Secret('a',as_env_var='ABC_9')",
    "Secret('a',as_env_var='X\\n')",
    "Secret('a',as_env_var=1)",
    "Secret('my-key')",
    "Secret('my-key','my-group')",
    "Secret('my.key')",
    "Secret('9key')",
    "Secret('ünï')",
    "Secret('a',group='G-x')",
    "Secret('a',group='9')",
    "Secret('a',mount=Path('/etc/flyte/secrets'))",
    "Secret('a',mount='/etc/flyte/secrets')",
    "Secret('a',mount=Path('/tmp'))",
    "Secret('a',mount='/tmp')",
    "Secret('a',mount=Path('/etc/flyte/secrets/x'))",
    "Secret('a',mount=Path('/etc/flyte/secrets'),as_env_var='X')",
    "Secret('a',mount='')",
    "Secret('a',mount=Path('/etc/flyte/secrets')).as_env_var",
    "Secret('a',mount=1)",
    "Secret('a').stable_hash()",
    "Secret('a','g').stable_hash()",
    "Secret('a','g',as_env_var='X').stable_hash()",
    "Secret('a',mount=Path('/etc/flyte/secrets')).stable_hash()",
    "Secret('a','g',mount=Path('/etc/flyte/secrets')).stable_hash()",
    "hash(Secret('a'))==hash(Secret('a'))",
    "Cache('auto')",
    "Cache('x')",
    "Cache('enable')",
    "Cache('ENABLE')",
    "Cache('on').behavior",
    "Cache('Enabled').behavior",
    "Cache(' auto ').behavior",
    "Cache('AUTO').behavior",
    "Cache('true').behavior",
    "Cache('yes').behavior",
    "Cache('off').behavior",
    "Cache('false').behavior",
    "Cache('no').behavior",
    "Cache('none').behavior",
    "Cache(None)",
    "Cache(True)",
    "Cache(False)",
    "Cache(1)",
    "Cache('')",
    "Cache('disabled')",
    "Cache('force')",
    "Cache('override').is_enabled()",
    "Cache('disable').is_enabled()",
    "Cache('auto').is_enabled()",
    "Cache('off').is_enabled()",
    "Cache('auto',ignored_inputs='a').get_ignored_inputs()",
    "Cache('auto',ignored_inputs='a').ignored_inputs",
    "Cache('auto',ignored_inputs=['a','b']).get_ignored_inputs()",
    "Cache('auto',ignored_inputs=('a','b')).get_ignored_inputs()",
    "Cache('auto',ignored_inputs=None).get_ignored_inputs()",
    "Cache('auto',ignored_inputs='').get_ignored_inputs()",
    "Cache('auto',ignored_inputs=1).get_ignored_inputs()",
    "Cache('auto',max_age=5).max_age",
    "Cache('auto',max_age=0).max_age",
    "Cache('auto',max_age=-5).max_age",
    "Cache('auto',max_age=1.5).max_age",
    "Cache('auto',max_age='5').max_age",
    "Cache('auto',max_age=True).max_age",
    "Cache('auto',max_age=timedelta(hours=1)).max_age",
    "Cache('auto',max_age=timedelta(0)).max_age",
    "Cache('auto',max_age=timedelta(-1)).max_age",
    "Cache('auto',version_override='v').get_version()",
    "Cache('auto',version_override='').get_version()",
    "Cache('auto',version_override=1).get_version()",
    "Cache('auto').get_version()",
    "Cache('disable').get_version()",
    "Cache('disable',version_override='v').get_version()",
    "Cache('override').get_version()",
    "Cache('disable').policies",
    "Cache('auto',policies=[]).policies",
    "Cache('auto',policies=()).policies",
    "Cache('auto',version_override='v').policies",
    "Cache('auto',policies=5).policies",
    "Cache('auto',policies=[5])",
    "Cache('auto',policies=[]).get_version(VersionParameters(func=None))",
    "Cache('auto').get_version(VersionParameters(func=None))",
    "Cache('auto').get_version(VersionParameters(func=len))",
    "Cache('auto').get_version(VersionParameters(func=None,image='x'))",
    "Cache('auto').get_version(VersionParameters(func=None,code_bundle=None))",
    "Cache('auto',salt='s').get_version(VersionParameters(func=None))",
    "VersionParameters()",
    "VersionParameters(len)",
    "VersionParameters(5)",
    "Cache('auto')==Cache('auto')",
    "Cache('disable')==Cache('disable')",
    "Cache('auto',salt=1).get_version(VersionParameters(func=None))",
    "ReusePolicy()",
    "ReusePolicy(1)",
    "ReusePolicy(0)",
    "ReusePolicy(-1)",
    "ReusePolicy((1,2))",
    "ReusePolicy((2,1))",
    "ReusePolicy((0,1))",
    "ReusePolicy((0,0))",
    "ReusePolicy((-1,1))",
    "ReusePolicy((1,))",
    "ReusePolicy((1,2,3))",
    "ReusePolicy([1,2])",
    "ReusePolicy('2')",
    "ReusePolicy(2.0)",
    "ReusePolicy(None)",
    "ReusePolicy(True)",
    "ReusePolicy((1.5,2))",
    "ReusePolicy(('1',2))",
    "ReusePolicy(3).min_replicas",
    "ReusePolicy(3).max_replicas",
    "ReusePolicy((1,4)).min_replicas",
    "ReusePolicy((1,4)).max_replicas",
    "ReusePolicy(idle_ttl=29)",
    "ReusePolicy(idle_ttl=30)",
    "ReusePolicy(idle_ttl=0)",
    "ReusePolicy(idle_ttl=-1)",
    "ReusePolicy(idle_ttl=timedelta(seconds=29))",
    "ReusePolicy(idle_ttl=timedelta(minutes=5))",
    "ReusePolicy(idle_ttl=60).idle_ttl",
    "ReusePolicy(idle_ttl=60.5)",
    "ReusePolicy(idle_ttl='60')",
    "ReusePolicy(idle_ttl=None)",
    "ReusePolicy(scaledown_ttl=29)",
    "ReusePolicy(scaledown_ttl=None)",
    "ReusePolicy(scaledown_ttl=None).get_scaledown_ttl()",
    "ReusePolicy(scaledown_ttl=31).scaledown_ttl",
    "ReusePolicy(scaledown_ttl=31).get_scaledown_ttl()",
    "ReusePolicy(scaledown_ttl=timedelta(minutes=5)).get_scaledown_ttl()",
    "ReusePolicy(scaledown_ttl='60')",
    "ReusePolicy(scaledown_ttl=0)",
    "ReusePolicy(concurrency=0)",
    "ReusePolicy(concurrency=-1)",
    "ReusePolicy(concurrency=5)",
    "ReusePolicy(1,concurrency=5)",
    "ReusePolicy(concurrency=1.5)",
    "ReusePolicy(concurrency='1')",
    "ReusePolicy(concurrency=None)",
    "ReusePolicy(scope='run')",
    "ReusePolicy(scope='x')",
    "ReusePolicy(scope=None)",
    "ReusePolicy(scope='run').scope",
    "Documentation('x')",
    "Documentation()",
    "Documentation(None)",
    "Documentation(5)",
    "Documentation('x'*300).description==('x'*300)",
    "Documentation('').__help__str__()",
    "ConditionWebhook('u')",
    "ConditionWebhook('')",
    "ConditionWebhook(None)",
    "ConditionWebhook('u',{'a':'{callback_uri}'})",
    "ConditionWebhook('u',[1])",
    "Cron(None)",
    "Cron(5)",
    "Cron('* * * * *',None)",
    "Cron('* * * *')",
    "Cron('* * * * *')==Cron('* * * * *','UTC')",
    "hash(Cron('* * * * *'))==hash(Cron('* * * * *'))",
    "FixedRate(0)",
    "FixedRate(-1)",
    "FixedRate('5')",
    "FixedRate(1.5)",
    "FixedRate(None)",
    "FixedRate(5,start_time='x')",
    "FixedRate(5,datetime(2020,1,1,tzinfo=timezone.utc))",
    "OnArtifact('')",
    "OnArtifact(None)",
    "OnArtifact(5)",
    "OnArtifact('a',partitions={'x':'1'})",
    "OnArtifact('a',partitions={'x':'1'},y='2')",
    "OnArtifact('a',partitions={'x':'1'},x='2')",
    "OnArtifact('a',partitions={'x':'1'},x='1')",
    "OnArtifact('a',partitions={'x':1})",
    "OnArtifact('a',x=1)",
    "OnArtifact('a',x=None)",
    "OnArtifact('a',x='')",
    "OnArtifact('a',partitions={})",
    "OnArtifact('a',partitions={1:'a'})",
    "OnArtifact('a',partitions={'':'a'})",
    "OnArtifact('a',partitions=[('x','1')])",
    "OnArtifact('a',partitions='x')",
    "OnArtifact('a',version='')",
    "OnArtifact('a',version=1)",
    "OnArtifact('a','v')",
    "OnArtifact('a',x=datetime(2020,1,1))",
    "OnArtifact('a',x=date(2020,1,1))",
    "OnArtifact('a',x=TimePartition(date(2020,1,1)))",
    "OnArtifact('a',x='2020-01-01')",
    "OnArtifact('a b/c')",
    "type(hash(OnArtifact('a')))",
    "type(hash(OnArtifact('a',x='1')))",
    "OnArtifact('a',x='1')==OnArtifact('a',partitions={'x':'1'})",
    "str(OnArtifact('a',x='1',y='2'))",
    "str(OnArtifact('a',version='2'))",
    "type(OnArtifact('a',x='1').partitions)",
    "TriggeredPartition('')",
    "TriggeredPartition(None)",
    "TriggeredPartition(5)",
    "TriggeredPartition('a b')",
    "TriggeredPartition('k')==TriggeredPartition('k')",
    "Trigger('')",
    "Trigger(None)",
    "Trigger('a'*300)",
    "Trigger('A b')",
    "Trigger(5)",
    "Trigger('x',Cron('* * * * *'))",
    "Trigger('x','cron')",
    "Trigger('x',5)",
    "Trigger('x',automation=Cron)",
    "Trigger('x',description=None)",
    "Trigger('x',description='x'*300).description==('x'*255)",
    "len(Trigger('x',description='x'*300).description)",
    "Trigger('x',inputs={})",
    "Trigger('x',inputs={'a':TriggerTime})",
    "Trigger('x',Cron('* * * * *'),inputs={'a':TriggerTime,'b':TriggerTime})",
    "Trigger('x',Cron('* * * * *'),inputs={'a':TriggeredArtifact})",
    "Trigger('x',OnArtifact('a'),inputs={'a':TriggeredArtifact})",
    "Trigger('x',OnArtifact('a'),inputs={'a':TriggeredArtifact,'b':TriggeredArtifact})",
    "Trigger('x',OnArtifact('a'),inputs={'a':TriggerTime})",
    "Trigger('x',OnArtifact('a'),inputs={'a':TriggeredPartition('k')})",
    "Trigger('x',OnArtifact('a'),inputs={'a':TriggeredPartition('k'),'b':TriggeredPartition('k'),'c':TriggeredArtifact})",
    "Trigger('x',Cron('* * * * *'),inputs={'a':TriggeredPartition('k')})",
    "Trigger('x',inputs={'a':TriggeredPartition('k')})",
    "Trigger('x',inputs={'a':TriggeredArtifact})",
    "Trigger('x',FixedRate(5),inputs={'a':TriggerTime})",
    "Trigger('x',FixedRate(5),inputs={'a':TriggeredArtifact})",
    "Trigger('x',inputs=[1])",
    "Trigger('x',env_vars={'a':1})",
    "Trigger('x',env_vars=[])",
    "Trigger('x',auto_activate=None)",
    "Trigger('x',max_action_concurrency=0)",
    "Trigger('x',max_action_concurrency=1)",
    "Trigger('x',max_action_concurrency=2)",
    "Trigger('x',max_action_concurrency=-1)",
    "Trigger('x',max_action_concurrency='2')",
    "Trigger('x',max_action_concurrency=True)",
    "Trigger('x',max_action_concurrency=1.5)",
    "Trigger('x',max_action_concurrency=2.5)",
    "Trigger('x',labels={'a':1})",
    "Trigger('x',labels='abc')",
    "Trigger('x',annotations={1:2})",
    "Trigger('x',notifications=NamedRule('a'))",
    "Trigger('x',notifications=Email(on_phase=ActionPhase.FAILED,recipients=('a',)))",
    "Trigger('x',notifications=(Email(on_phase=ActionPhase.FAILED,recipients=('a',)),))",
    "Trigger('x',notifications=[Email(on_phase=ActionPhase.FAILED,recipients=('a',))])",
    "Trigger('x',notifications=())",
    "Trigger('x',notifications='a')",
    "Trigger('x',notifications=(NamedRule('a'),))",
    "Trigger('x',notifications=(1,))",
    "Trigger('x',notifications=5)",
    "Trigger('x',custom_context={'a':1})",
    "Trigger('x',custom_context={'_u_x':'1'})",
    "Trigger('x',custom_context={'a':'b'})",
    "Trigger('x',custom_context=5)",
    "Trigger('x',custom_context={1:'b'})",
    "Trigger('x',queue=5)",
    "Trigger('x',interruptible='a')",
    "Trigger.hourly()",
    "Trigger.minutely()",
    "Trigger.weekly()",
    "Trigger.monthly()",
    "Trigger.daily('t').automation",
    "Trigger.hourly('t').automation",
    "Trigger.minutely('t').automation",
    "Trigger.weekly('t').automation",
    "Trigger.monthly('t').automation",
    "Trigger.daily('').inputs",
    "Trigger.daily('t',inputs={'t':5}).inputs",
    "Trigger.daily(None,inputs={'t':5}).inputs",
    "Trigger.daily(5).inputs",
    "Trigger.daily(inputs=None).inputs",
    "Trigger.daily(name='')",
    "Trigger.daily(name='x',description='d',auto_activate=False,env_vars={'a':'b'},interruptible=True,overwrite_cache=True,queue='q',max_action_concurrency=4,labels={'l':'m'},annotations={'n':'o'},notifications=NamedRule('r'),custom_context={'k':'v'})",
    "type(hash(Trigger('x')))",
    "type(hash(Trigger('x',inputs={})))",
    "Trigger('x')==Trigger('x')",
    "Email(on_phase=ActionPhase.FAILED,recipients=('a',))",
    "Email(on_phase=ActionPhase.FAILED,recipients=())",
    "Email(on_phase=ActionPhase.FAILED,recipients=['a'])",
    "Email(on_phase=ActionPhase.FAILED,recipients='a')",
    "Email(on_phase=ActionPhase.FAILED,recipients=None)",
    "Email(on_phase=ActionPhase.FAILED,recipients=('not an address',))",
    "Email(on_phase=ActionPhase.FAILED,recipients=('',))",
    "Email(on_phase=ActionPhase.FAILED,recipients=(1,))",
    "Email(on_phase=ActionPhase.FAILED,recipients=('a',),cc=['b'])",
    "Email(on_phase=ActionPhase.FAILED,recipients=('a',),subject='',body='',html_body='')",
    "Email(on_phase=ActionPhase.FAILED,recipients=('a',),subject=None)",
    "Email(on_phase=ActionPhase.RUNNING,recipients=('a',))",
    "Email(on_phase=ActionPhase.QUEUED,recipients=('a',))",
    "Email(on_phase=ActionPhase.RECOVERED,recipients=('a',))",
    "Email(on_phase=ActionPhase.PAUSED,recipients=('a',))",
    "Email(on_phase=(ActionPhase.FAILED,ActionPhase.ABORTED),recipients=('a',))",
    "Email(on_phase=(ActionPhase.FAILED,ActionPhase.FAILED),recipients=('a',))",
    "Email(on_phase=(),recipients=('a',))",
    "Email(on_phase=[ActionPhase.FAILED],recipients=('a',))",
    "Email(on_phase={ActionPhase.FAILED},recipients=('a',))",
    "Email(on_phase='failed',recipients=('a',))",
    "Email(on_phase=('failed',),recipients=('a',))",
    "Email(on_phase='FAILED',recipients=('a',))",
    "Email(on_phase=None,recipients=('a',))",
    "Email(on_phase=(ActionPhase.FAILED,ActionPhase.RUNNING),recipients=('a',))",
    "Email(on_phase=5,recipients=('a',))",
    "Email(on_phase=ActionPhase.FAILED,recipients=('a',)).on_phase",
    "Notification(on_phase=ActionPhase.SUCCEEDED)",
    "Notification(on_phase=ActionPhase.SUCCEEDED)==Notification(on_phase=(ActionPhase.SUCCEEDED,))",
    "Notification(ActionPhase.SUCCEEDED)",
    "Notification(on_phase=ActionPhase.TIMED_OUT)",
    "NamedRule('')",
    "NamedRule(None)",
    "NamedRule(5)",
    "NamedRule(' ')",
    "NamedDelivery(on_phase=ActionPhase.FAILED,name='')",
    "NamedDelivery(on_phase=ActionPhase.FAILED,name=None)",
    "NamedDelivery(on_phase=ActionPhase.FAILED,name=' ')",
    "NamedDelivery(on_phase=ActionPhase.FAILED,name='a')",
    "NamedDelivery(on_phase=ActionPhase.RUNNING,name='a')",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='u')",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='')",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url=None)",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='u',message='m',blocks=({},))",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='u',message='m')",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='u',message='')",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='u',blocks=[{}])",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='u',blocks=())",
    "Slack(on_phase=ActionPhase.FAILED,webhook_url='http://x y')",
    "Teams(on_phase=ActionPhase.FAILED,webhook_url='u')",
    "Teams(on_phase=ActionPhase.FAILED,webhook_url='')",
    "Teams(on_phase=ActionPhase.FAILED,webhook_url='u',title='',message='m',card={})",
    "Teams(on_phase=ActionPhase.FAILED,webhook_url='u',message='m',card={'a':1})",
    "Webhook(on_phase=ActionPhase.FAILED,url='u')",
    "Webhook(on_phase=ActionPhase.FAILED,url='')",
    "Webhook(on_phase=ActionPhase.FAILED,url='u',method='get')",
    "Webhook(on_phase=ActionPhase.FAILED,url='u',method='X')",
    "Webhook(on_phase=ActionPhase.FAILED,url='u',method=None)",
    "Webhook(on_phase=ActionPhase.FAILED,url='u',method='CONNECT')",
    "Webhook(on_phase=ActionPhase.FAILED,url='u',headers={'a':1},body=[1])",
    "Webhook(on_phase=ActionPhase.FAILED,url='u',body='x')",
    "type(hash(Webhook(on_phase=ActionPhase.FAILED,url='u')))",
    "type(hash(Webhook(on_phase=ActionPhase.FAILED,url='u',body={})))",
    "Card(uri='u')",
    "Card(uri='')",
    "Card(uri=None)",
    "Card(uri='u',format='x')",
    "Card(uri='u',format='md',card_type='x')",
    "Metadata(name='a')",
    "Metadata(name='')",
    "Metadata(name=None)",
    "Metadata(name='A b/c')",
    "Metadata(name='a',version='')",
    "Metadata(name='a',version=1)",
    "Metadata(name='a',version='v',version_from_content=True)",
    "Metadata(name='a',version_from_content=True)",
    "Metadata(name='a',description='x'*9000).name",
    "Metadata(name='a',attrs={'a':1})",
    "Metadata(name='a',attrs={'flyte.io/kind':'x'})",
    "Metadata(name='a',attrs={'flyte.io/kind':'model'})",
    "Metadata(name='a',attrs={'flyte.io/other':'x'})",
    "Metadata(name='a',attrs='x')",
    "Metadata(name='a',attrs={1:'x'})",
    "Metadata(name='a',kind='x')",
    "Metadata(name='a',kind='model')",
    "Metadata(name='a',kind='model',attrs={'flyte.io/kind':'model'})",
    "Metadata(name='a',kind='model',attrs={'flyte.io/kind':'data'})",
    "Metadata(name='a',kind='')",
    "Metadata(name='a',card=5)",
    "Metadata(name='a',card=Card(uri='u',card_type='model'),kind='data')",
    "Metadata(name='a',card=Card(uri='u',card_type='model'))",
    "Metadata(name='a',partitions={})",
    "Metadata(name='a',partitions={'x':'1'})",
    "Metadata(name='a',partitions={'x':1})",
    "Metadata(name='a',partitions={'x':None})",
    "Metadata(name='a',partitions={'x':True})",
    "Metadata(name='a',partitions={'x':''})",
    "Metadata(name='a',partitions={'':'1'})",
    "Metadata(name='a',partitions={1:'1'})",
    "Metadata(name='a',partitions={'x':date(2020,1,1)})",
    "Metadata(name='a',partitions={'x':datetime(2020,1,1)})",
    "Metadata(name='a',partitions={'x':datetime(2020,1,1,tzinfo=timezone.utc)})",
    "Metadata(name='a',partitions={'x':date(2020,1,1),'y':date(2020,1,1)})",
    "Metadata(name='a',partitions={'x':TimePartition(date(2020,1,1)),'y':'s'})",
    "Metadata(name='a',partitions={'x':TimePartition(date(2020,1,1)),'y':TimePartition(date(2020,1,1))})",
    "Metadata(name='a',partitions=[('x','1')])",
    "Metadata(name='a',partitions='x')",
    "Metadata(name='a',partitions={str(i):'x' for i in range(100)}).name",
    "Metadata(name='a',parents=())",
    "Metadata(name='a',parents=('x',))",
    "Metadata(name='a',parents=('',))",
    "Metadata(name='a',parents=('x@v',))",
    "Metadata(name='a',parents='x')",
    "Metadata(name='a',parents=['x'])",
    "Metadata(name='a',parents=(5,))",
    "Metadata(name='a',parents=(None,))",
    "Metadata(name='a',parents=('x',)*32).name",
    "Metadata(name='a',parents=('x',)*33).name",
    "Metadata(name='a',parents=tuple(str(i) for i in range(32))).name",
    "Metadata(name='a',parents=tuple(str(i) for i in range(33))).name",
    "Metadata(name='a',parents=('p/d/n@v',))",
    "Metadata(name='a',parents=('flyte://x',))",
    "Metadata(name='a',parents=('o/p/d/n@v',))",
    "Metadata(name='a',parents=('n@',))",
    "Metadata(name='a',parents=('@v',))",
    "Metadata(name='a',parents=('n:v',))",
    "Metadata(name='a',parents=('uri',' '))",
    "Metadata(name='a',version_from_content='x')",
    "type(hash(Metadata(name='a')))",
    "Metadata(name='a')==Metadata(name='a')",
    "Metadata.create_model_metadata(name='m')",
    "Metadata.create_model_metadata(name='m').attrs",
    "Metadata.create_model_metadata(name='m',version='1',description='d',framework='f',model_type='t',architecture='a',task='k',modality=('text','image'),serial_format='s',attrs={'x':'y'},partitions={'p':'1'})",
    "Metadata.create_model_metadata(name='m',attrs={'framework':'z'},framework='f').attrs",
    "Metadata.create_model_metadata(name='m',attrs={'modality':'z'}).attrs",
    "Metadata.create_model_metadata(name='m',modality=())",
    "Metadata.create_model_metadata(name='m',modality='text')",
    "Metadata.create_model_metadata(name='m',modality=['b','a'])",
    "Metadata.create_model_metadata(name='m',serial_format='')",
    "Metadata.create_model_metadata(name='m',serial_format=None)",
    "Metadata.create_model_metadata(name='m',framework='')",
    "Metadata.create_model_metadata(name='m',card=Card(uri='u'))",
    "Metadata.create_model_metadata(name='m',attrs={'flyte.io/kind':'data'})",
    "Metadata.create_model_metadata(name='')",
    "TimePartition(date(2020,1,1))",
    "TimePartition(datetime(2020,1,1,5,6,7))",
    "TimePartition(datetime(2020,1,1,5,6,7),'hour')",
    "TimePartition(date(2020,1,1),'hour')",
    "TimePartition(date(2020,1,1),'week')",
    "TimePartition(date(2020,1,1),'month')",
    "TimePartition(date(2020,1,1),'x')",
    "TimePartition(date(2020,1,1),None)",
    "TimePartition('2020-01-01')",
    "TimePartition('x')",
    "TimePartition(None)",
    "TimePartition(5)",
    "TimePartition(datetime(2020,1,1,5,6,7,tzinfo=timezone.utc),'hour').value",
    "TimePartition(date(2020,1,1))==TimePartition(datetime(2020,1,1))",
    "hash(TimePartition(date(2020,1,1)))==hash(TimePartition(date(2020,1,1)))",
    "isinstance(5,Artifact)",
    "issubclass(int,Artifact)",
    "Device(1,'APPLE_SILICON','AppleSilicon')",
    "Device(2,'APPLE_SILICON','AppleSilicon')",
    "Device(1,'GPU','AppleSilicon')",
    "Device(1,'APPLE_SILICON','AppleSilicon','p')",
    "Secret('a',mount='/etc/flyte/secrets/')",
    "Secret('a',mount=Path('/etc/flyte/secrets'),as_env_var='x')",
    "Cache('disable',policies=5).policies",
    "Cache('disable',policies=[]).policies",
    "Cache('auto','v',policies=[]).policies",
    "Cache('auto','',policies=[]).policies",
    "Cache('bad',max_age='x')",
    "Cache('auto',max_age='x',policies=[])",
    "Cache('disable',max_age='x')",
    "Trigger('x',description='x'*300).description[-6:]",
    "Trigger('x',description='x'*256).description[-6:]",
    "Trigger('x',description='x'*255).description[-6:]",
    "Metadata(name='a',partitions={'x':[1]})",
    "Metadata(name='a',partitions={'x':b'1'})",
    "Metadata(name='a',partitions={'x':object})",
    "Metadata(name='a',partitions={None:'x'})",
    "Metadata(name='a',partitions={'x':time(1)})",
    "Metadata(name='a',partitions={'x':timedelta(1)})",
    "Metadata(name='a',partitions={'x':TimePartition})",
    "Metadata(name='a',partitions=5)",
    "Metadata(name='a',parents=5)",
    "Metadata(name='a',parents={'x'})",
    "Metadata(name='a',parents=(b'x',))",
]

# More of the same, by rule.
QUANTITIES = ["1", "0", "-1", "0.5", "1e3", "500m", "1Gi", "1gi", "", " 1", "1.5Ti", "x"]
CASES += [
    f"Resources({name}={quantity!r})" for name in ("cpu", "memory", "disk", "shm", "gpu") for quantity in QUANTITIES
]
CASES += [
    f"Resources({name}=({a!r}, {b!r}))" for name in ("cpu", "memory") for a in QUANTITIES[:5] for b in QUANTITIES[3:8]
]
CASES += [
    f"Resources({name}={value})"
    for name in ("cpu", "memory", "gpu", "disk", "shm")
    for value in (
        "0",
        "1",
        "-1",
        "2.5",
        "-0.5",
        "True",
        "None",
        "b'1'",
        "()",
        "[]",
        "{}",
        "object()",
        "(1, 2)",
        "(-1, 2)",
        "(1, -2)",
        "('1', 2)",
        "(None, None)",
        "(1, (2, 3))",
    )
]
MODELS = [
    "A2",
    "A10",
    "A10G",
    "A100",
    "A100_80G",
    "B200",
    "H100",
    "H200",
    "L4",
    "L40s",
    "T4",
    "V100",
    "RTX_PRO_4500",
    "RTX_PRO_6000",
    "GB10",
    "T4 shared",
    "L4 shared",
    "A10G shared",
    "A10 shared",
    "L40S shared",
    "A100 80G",
    "RTX PRO 6000",
    "t4",
    "L40S",
]
PARTS = [
    "1g.5gb",
    "2g.10gb",
    "1g.10gb",
    "1g.20gb",
    "2g.20gb",
    "1g.18gb",
    "7g.141gb",
    "1g.24gb",
    "4g.96gb",
    "7g.80gb",
    "nothing",
    "",
]
CASES += [f"GPU({model!r}, {count})" for model in MODELS for count in (1, 3, 8, 0)]
CASES += [f"GPU({model!r}, 1, {part!r})" for model in MODELS for part in PARTS]
SLICES = ["1x1", "2x2", "2x4", "16x16", "2x2x1", "16x16x24", "1x2", "x", ""]
CASES += [f"TPU({model!r}, {part!r})" for model in ("V5E", "V5P", "V6E", "V4", "v5e") for part in SLICES]
CASES += [f"Neuron({model!r})" for model in ("Inf1", "Inf2", "Trn1", "Trn1n", "Trn2", "Trn2u", "inf1", "")]
CASES += [
    f"AMD_GPU({model!r})"
    for model in ("MI100", "MI210", "MI250", "MI250X", "MI300A", "MI300X", "MI325X", "MI350X", "MI355X", "MI400", "")
]
COUNTS = [
    "",
    ":1",
    ":2",
    ":3",
    ":4",
    ":8",
    ":9",
    ":12",
    ":13",
    ":16",
    ":17",
    ":0",
    ":-1",
    ":x",
    ": 1",
    ":01",
    ":1:1",
    ":",
]
ACCELERATED = [*MODELS, "Trn1", "Trn2u", "Inf1", "Inf2", "MI100", "Gaudi1", "AppleSilicon", "V5E", "", "GPU"]
CASES += [f"Resources(gpu={model + count!r}).get_device()" for model in ACCELERATED for count in COUNTS]
CASES += [
    f"Secret({key!r}, {group!r})"
    for key in ("a", "A_b", "a-b", "a.b", "a b", "9", "_", "-", "ß", "a\tb")
    for group in (None, "", "g", "g-h", "9", "g.h", "G_")
]
CASES += [
    f"Secret({key!r}, {group!r}, as_env_var={variable!r}).stable_hash()"
    for key in ("a", "b|c")
    for group in (None, "", "g")
    for variable in (None, "X", "X_1")
]
CASES += [
    f"Cache({behavior!r}).behavior"
    for alias in (
        "auto",
        "override",
        "disable",
        "enable",
        "enabled",
        "on",
        "true",
        "yes",
        "off",
        "false",
        "no",
        "none",
        "disabled",
        "overwrite",
        "1",
    )
    for behavior in (alias, alias.upper(), alias.title(), alias + " ")
]
CASES += [
    f"Cache('auto', salt={salt!r}).get_version(VersionParameters({func}))"
    for salt in ("", "s", "ü", "a b")
    for func in ("add_one", "wait_and_add", "method", "None")
]
CASES += [
    f"Cache({behavior!r}, salt='s', policies={policies}).get_version(VersionParameters(add_one))"
    for behavior in ("auto", "override", "disable")
    for policies in (
        "FixedPolicy('a')",
        "[FixedPolicy('a'), FixedPolicy('b')]",
        "(FixedPolicy('a'),)",
        "[FixedPolicy(1)]",
        "FixedPolicy(None)",
        "[FixedPolicy(KeyError('k'))]",
        "5",
        "[5]",
        "None",
    )
]
CASES += [
    "Cache('auto', salt=1).get_version(VersionParameters(add_one))",
    "Cache('auto', version_override='v', policies=[FixedPolicy(1)]).get_version(VersionParameters(add_one))",
]
TIMES = [
    "29",
    "30",
    "31",
    "0",
    "-1",
    "86400",
    "True",
    "30.0",
    "'30'",
    "None",
    "timedelta(seconds=29.9)",
    "timedelta(seconds=30)",
    "timedelta(days=1)",
]
CASES += [f"ReusePolicy({name}={value})" for name in ("idle_ttl", "scaledown_ttl") for value in TIMES]
CASES += [
    f"ReusePolicy(({a}, {b}))"
    for a in ("-1", "0", "1", "2", "True", "None", "1.0", "'1'")
    for b in ("-1", "0", "1", "3", "None", "2.0")
]
CASES += [
    f"ReusePolicy({a}, concurrency={b})"
    for a in ("0", "1", "2", "(1, 1)", "(0, 1)")
    for b in ("-1", "0", "1", "2", "True", "2.0", "None")
]
CASES += [f"Trigger('x', description='x' * {n}).description" for n in (0, 1, 246, 247, 248, 254, 255, 256, 257, 1000)]
CASES += [
    f"Trigger('x', {automation}, inputs={{'a': {a}, 'b': {b}}})"
    for automation in ("None", "Cron('* * * * *')", "FixedRate(5)", "OnArtifact('o')")
    for a in ("1", "TriggerTime", "TriggeredArtifact", "TriggeredPartition('k')")
    for b in ("None", "TriggerTime", "TriggeredArtifact", "TriggeredPartition('k')")
]
CASES += [
    f"Trigger.{name}({arguments})"
    for name in ("daily", "hourly", "minutely", "weekly", "monthly")
    for arguments in (
        "",
        "'t'",
        "'t', inputs={'a': 1}",
        "'t', inputs={'t': 1}",
        "inputs={'a': TriggeredArtifact}",
        "'t', name='n', description='d', auto_activate=False, env_vars={'e': 'f'}, interruptible=True, overwrite_cache=True, queue='q', max_action_concurrency=4, labels={'l': 'm'}, annotations={'n': 'o'}, custom_context={'k': 'v'}",
        "max_action_concurrency=1",
        "name=''",
        "None, 'n'",
    )
]
CASES += [
    f"Trigger('x', max_action_concurrency={n})"
    for n in ("None", "0", "1", "2", "100", "-1", "1.0", "0.5", "False", "'a'", "[]")
]
CASES += [
    f"str({a})"
    for a in (
        "Cron('0 1 * * 2', 'Asia/Tokyo')",
        "FixedRate(90)",
        "OnArtifact('n', partitions={'a': 'b'}, c='d')",
        "OnArtifact('n', 'v')",
        "OnArtifact('n', '')",
    )
]
CASES += [
    f"repr({a})"
    for a in (
        "Cron('0 1 * * 2', 'Asia/Tokyo')",
        "Cron('* * * * *')",
        "FixedRate(90)",
        "FixedRate(1, datetime(2020, 1, 1))",
        "OnArtifact('n', 'v', a='b')",
        "OnArtifact('n')",
        "Device(1, 'GPU')",
        "GPU('A100', 2, '1g.5gb')",
        "TriggeredPartition('k')",
        "Trigger('x', Cron('* * * * *'), queue='q')",
        "Resources(cpu=1)",
        "Secret('a')",
        "NamedRule('r')",
        "ReusePolicy((1, 2))",
        "TimePartition(date(2020, 1, 1))",
        "Metadata(name='a')",
        "Card(uri='u')",
        "PodTemplate()",
        "Documentation('d')",
        "ConditionWebhook('u')",
        "Trigger.hourly()",
    )
]
PHASES = [
    "SUCCEEDED",
    "FAILED",
    "ABORTED",
    "TIMED_OUT",
    "QUEUED",
    "WAITING_FOR_RESOURCES",
    "INITIALIZING",
    "RUNNING",
    "PAUSED",
    "RECOVERED",
]
NOTIFIERS = {
    "Notification": "",
    "Email": "recipients=('a@b',)",
    "Slack": "webhook_url='u'",
    "Teams": "webhook_url='u'",
    "Webhook": "url='u'",
    "NamedDelivery": "name='n'",
}
CASES += [f"{name}(on_phase=ActionPhase.{phase}, {rest})" for name, rest in NOTIFIERS.items() for phase in PHASES]
CASES += [
    f"{name}(on_phase={phases}, {rest})"
    for name, rest in NOTIFIERS.items()
    for phases in (
        "()",
        "[]",
        "None",
        "'failed'",
        "'x'",
        "['failed', 'aborted']",
        "(ActionPhase.FAILED, ActionPhase.RUNNING)",
        "(ActionPhase.FAILED, None)",
        "5",
        "{ActionPhase.FAILED}",
        "{}",
        "True",
    )
]
CASES += [
    f"{name}(on_phase=ActionPhase.FAILED, {rest}) == {name}(on_phase=[ActionPhase.FAILED], {rest})"
    for name, rest in NOTIFIERS.items()
]
CASES += [f"{name}(on_phase=ActionPhase.FAILED)" for name in NOTIFIERS]
CASES += [
    f"Email(on_phase=ActionPhase.FAILED, recipients={to}, cc={to}, bcc={to})"
    for to in ("('a',)", "['a', 'b']", "()", "[]", "None", "'a'", "{'a'}", "5")
]
CASES += [
    f"isinstance({a}, Notification)"
    for a in (
        "NamedRule('a')",
        "Email(on_phase=ActionPhase.FAILED, recipients=('a',))",
        "NamedDelivery(on_phase=ActionPhase.FAILED, name='a')",
    )
]
SECOND = [
    "'1'",
    "1",
    "None",
    "''",
    "date(2020, 1, 1)",
    "datetime(2020, 1, 1, 2)",
    "TimePartition(date(2020, 1, 1), 'week')",
    "[]",
    "object()",
]
CASES += [f"Metadata(name='a', partitions={{'x': {a}, 'y': {b}}})" for a in SECOND for b in SECOND]
CASES += [
    f"Metadata(name='a', parents={a})"
    for a in (
        "()",
        "[]",
        "('x', '')",
        "('x', None)",
        "('x', b'')",
        "'abc'",
        "''",
        "{}",
        "{'x': 1}",
        "('x',) * 40",
        "iter(())",
        "object()",
        "(object(),)",
    )
]
CASES += [
    f"TimePartition({value}, {granularity!r})"
    for value in (
        "date(2024, 2, 29)",
        "datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone.utc)",
        "'2024-02-29'",
        "time(1)",
        "None",
    )
    for granularity in ("hour", "day", "week", "month", "year", "HOUR", "")
]
CASES += [
    f"isinstance({value}, {protocol})"
    for protocol in ("Artifact", "CachePolicy")
    for value in ("1", "FixedPolicy(1)", "Cache('disable')", "Metadata(name='a')")
]

# A value of each class: what every dataclass must stand.
SAMPLES = {
    "Cache": "Cache('disable', 'v', True, ('a',), 's', None, 5)",
    "Card": "Card(uri='u', format='md')",
    "ConditionWebhook": "ConditionWebhook('u', {'a': 1})",
    "Cron": "Cron('* * * * *', 'Asia/Tokyo')",
    "Device": "Device(2, 'GPU', 'T4')",
    "Documentation": "Documentation('d')",
    "Email": "Email(on_phase=ActionPhase.FAILED, recipients=['a'])",
    "FixedRate": "FixedRate(5)",
    "Metadata": "Metadata(name='a', partitions={'x': '1'})",
    "NamedDelivery": "NamedDelivery(on_phase=ActionPhase.FAILED, name='n')",
    "NamedRule": "NamedRule('r')",
    "Notification": "Notification(on_phase=ActionPhase.FAILED)",
    "OnArtifact": "OnArtifact('a', 'v', x='1')",
    "PodTemplate": "PodTemplate(None, 'main', {'a': 'b'})",
    "Resources": "Resources(cpu=(1, '2'), memory='1Gi', gpu='T4:2', disk='1Gi', shm='auto')",
    "ReusePolicy": "ReusePolicy((1, 3), 60, 2, timedelta(minutes=1), 'run')",
    "Secret": "Secret('k', 'g')",
    "Slack": "Slack(on_phase=ActionPhase.FAILED, webhook_url='u')",
    "Teams": "Teams(on_phase=ActionPhase.FAILED, webhook_url='u')",
    "TimePartition": "TimePartition(date(2020, 1, 1), 'week')",
    "Trigger": "Trigger('x', Cron('* * * * *'), inputs={'a': 1})",
    "TriggeredPartition": "TriggeredPartition('k')",
    "Webhook": "Webhook(on_phase=ActionPhase.FAILED, url='u')",
}
for sample in SAMPLES.values():
    CASES += [
        sample,
        f"{sample} == {sample}",
        f"pickle.loads(pickle.dumps({sample}))",
        f"copy.deepcopy({sample})",
        f"dataclasses.replace({sample})",
        f"dataclasses.replace({sample}) == {sample}",
        f"dataclasses.replace({sample}, nonsense=1)",
        f"sorted(dataclasses.asdict({sample}))",
        f"{sample}.__match_args__",
        f"type(hash({sample}))",
        f"setattr({sample}, dataclasses.fields({sample})[0].name, 'x')",
        f"setattr({sample}, 'something_else', 'x')",
        f"delattr({sample}, dataclasses.fields({sample})[-1].name)",
    ]
CASES = list(dict.fromkeys(CASES))

SPECS = {
    "nothing": "None",
    "plain": "V1PodSpec(containers=[V1Container(name='primary')])",
    "one": "V1PodSpec(containers=[V1Container(name='only')])",
    "empty": "V1PodSpec(containers=[])",
    "beside": "V1PodSpec(containers=[V1Container(name='side'), V1Container(name='main')])",
    "full": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(privileged=False, run_as_user=5, capabilities=V1Capabilities(add=['NET_ADMIN'], drop=['ALL'])), resources=V1ResourceRequirements(limits={'cpu': '1'}, requests={'cpu': '1'}), volume_mounts=[V1VolumeMount(name='v', mount_path='/v')])], volumes=[V1Volume(name='v', empty_dir=V1EmptyDirVolumeSource())])",
    "has fuse": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(capabilities=V1Capabilities(add=['SYS_ADMIN'])), volume_mounts=[V1VolumeMount(name='fuse-device', mount_path='/dev/fuse')])], volumes=[V1Volume(name='fuse-device', host_path=V1HostPathVolumeSource(path='/dev/fuse'))])",
    "same mount": "V1PodSpec(containers=[V1Container(name='primary', volume_mounts=[V1VolumeMount(name='other', mount_path='/dev/fuse')])])",
    "same volume": "V1PodSpec(containers=[V1Container(name='primary')], volumes=[V1Volume(name='fuse-device', empty_dir=V1EmptyDirVolumeSource())])",
    "privileged": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(privileged=True))])",
    "no escalation": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(allow_privilege_escalation=False))])",
    "escalation": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(allow_privilege_escalation=True))])",
    "dropped": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(capabilities=V1Capabilities(drop=['SYS_ADMIN'])))])",
    "fuse limit": "V1PodSpec(containers=[V1Container(name='primary', resources=V1ResourceRequirements(limits={'smarter-devices/fuse': '2'}))])",
    "grace": "V1PodSpec(containers=[V1Container(name='primary')], termination_grace_period_seconds=7)",
    "init": "V1PodSpec(containers=[V1Container(name='x')], init_containers=[V1Container(name='primary')])",
    "profile": "V1PodSpec(containers=[V1Container(name='primary', security_context=V1SecurityContext(app_armor_profile=V1AppArmorProfile(type='RuntimeDefault')))])",
}
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/primary"
TEMPLATES = [
    *(f"PodTemplate({spec})" for spec in SPECS.values()),
    f"PodTemplate({SPECS['beside']}, 'main')",
    f"PodTemplate({SPECS['full']}, labels={{'a': 'b'}}, annotations={{'c': 'd'}})",
    f"PodTemplate({SPECS['plain']}, annotations={{{APP_ARMOR!r}: 'runtime/default'}})",
    f"PodTemplate({SPECS['plain']}, annotations={{{APP_ARMOR!r}: 'unconfined'}})",
    f"PodTemplate({SPECS['plain']}, labels={{}}, annotations={{}})",
    "PodTemplate('x')",
]
CHANGES = [
    "allow_fuse()",
    "allow_fuse(True)",
    "allow_fuse(privileged=True)",
    "allow_nested_sandboxing()",
    "with_termination_grace_period(5)",
    "allow_fuse().allow_fuse()",
    "allow_fuse().allow_fuse(True)",
    "allow_fuse(True).allow_fuse(True)",
    "allow_fuse(True).allow_fuse()",
    "allow_fuse().allow_nested_sandboxing()",
    "allow_fuse(True).allow_nested_sandboxing()",
    "allow_nested_sandboxing().allow_fuse()",
    "allow_nested_sandboxing().allow_fuse(True)",
    "allow_nested_sandboxing().allow_nested_sandboxing()",
    "allow_nested_sandboxing().allow_fuse().with_termination_grace_period(timedelta(minutes=1))",
]
POD_CASES = [f"shown({template}.{change})" for template in TEMPLATES for change in CHANGES]
POD_CASES += [
    f"shown(PodTemplate({SPECS['plain']}).with_termination_grace_period({value}))"
    for value in (
        "0",
        "5",
        "-1",
        "True",
        "1.5",
        "'5'",
        "None",
        "timedelta(seconds=90.6)",
        "timedelta(0)",
        "timedelta(milliseconds=-1)",
        "timedelta(-1)",
        "[]",
    )
]
POD_CASES += [
    f"shown(PodTemplate.from_spec({spec}{rest}))"
    for spec in SPECS.values()
    for rest in (
        "",
        ", primary_container_name='main'",
        ", primary_container_name='primary'",
        ", primary_container_name=''",
        ", labels={'a': 'b'}, annotations={'c': 'd'}",
    )
]
POD_CASES += ["PodTemplate.from_spec(5)", "PodTemplate.from_spec({'containers': []})"]
POD_CASES += [
    f"(lambda spec: PodTemplate.from_spec(spec).pod_spec is spec)({SPECS['plain']})",
    f"(lambda t: (t.allow_fuse() is t, shown(t)))(PodTemplate({SPECS['plain']}, labels={{'a': 'b'}}, annotations={{'c': 'd'}}))",
    f"(lambda t: (t.allow_nested_sandboxing().labels is t.labels, shown(t)))(PodTemplate({SPECS['plain']}, labels={{'a': 'b'}}))",
    f"PodTemplate({SPECS['plain']}) == PodTemplate({SPECS['plain']})",
    f"PodTemplate({SPECS['plain']}) == PodTemplate({SPECS['one']})",
]
POD_CASES = list(dict.fromkeys(POD_CASES))


def names_of_kubernetes():
    """Give what `POD_CASES` use beside `CASES`; the names of `kubernetes.client` load when they are asked for."""
    import kubernetes.client

    classes = {name: getattr(kubernetes.client, name) for name in dir(kubernetes.client) if name.startswith("V1")}
    return classes | {"shown": shown}


def shown(template):
    """Turn a pod template into plain values, with `kubernetes`."""
    from kubernetes.client import ApiClient

    spec = ApiClient().sanitize_for_serialization(template.pod_spec)
    return (template.primary_container_name, template.labels, template.annotations, spec)
