"""What a task asks of a machine: CPU, memory, disk, shared memory, and every accelerator."""

import warnings
from typing import Any, Literal

from flyte_models.accelerators import (
    ACCELERATORS,
    APPLE_SILICON_MODEL,
    DEPRECATED_MODELS,
    MODELS,
    PARTITIONS,
    A100_80GBParts,
    A100Parts,
    Accelerators,
    AMD_GPUType,
    DeviceClass,
    GPUQuantity,
    GPUType,
    H100Parts,
    H200Parts,
    HABANA_GAUDIType,
    NeuronType,
    RTXPro6000Parts,
    TPUType,
    V5EParts,
    V5PParts,
    V6EParts,
)
from flyte_models.values import light_dataclass

__all__ = [
    "AMD_GPU",
    "APPLE_SILICON",
    "GPU",
    "HABANA_GAUDI",
    "PRIMARY_CONTAINER_DEFAULT_NAME",
    "TPU",
    "Accelerators",
    "CPUBaseType",
    "Device",
    "DeviceClass",
    "Neuron",
    "Resources",
]

PRIMARY_CONTAINER_DEFAULT_NAME = "primary"
"""What the container that runs a task is called, unless its pod template says otherwise."""

CPUBaseType = int | float | str


@light_dataclass(frozen=True, terse=True)
class Device:
    """Accelerators of one kind. `GPU`, `TPU`, `Neuron`, `AMD_GPU`, `HABANA_GAUDI` and `APPLE_SILICON` make checked ones.

    Raises:
        ValueError: The quantity is below 1, or an Apple Silicon device is not the one that a Mac has.
        TypeError: The quantity is no number.
    """

    quantity: int
    device_class: DeviceClass
    device: str | None = None
    """The model; any if there is none."""
    partition: str | None = None
    """The part of a device (NVIDIA's MIG), or the slice of several (a TPU's topology)."""

    def __post_init__(self) -> None:
        if not isinstance(self.quantity, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`Device.quantity` must be an integer, got {self.quantity!r}")
        if self.quantity < 1:
            raise ValueError(f"`Device.quantity` must be at least 1, got {self.quantity}")
        is_apple = self.device_class == "APPLE_SILICON"
        if is_apple is not (self.device == APPLE_SILICON_MODEL) or (is_apple and self.quantity != 1):
            raise ValueError(
                f"the GPU of a Mac is one device, got {self.quantity} of {self.device!r} in class {self.device_class!r}\n"
                'hint: `flyte.APPLE_SILICON()`, or `gpu="AppleSilicon"`'
            )


def GPU(  # noqa: N802  # the public name
    device: GPUType,
    quantity: GPUQuantity,
    partition: A100Parts | A100_80GBParts | H100Parts | H200Parts | RTXPro6000Parts | None = None,
) -> Device:
    """Ask for NVIDIA GPUs.

    Args:
        device: The model; `T4 shared` and the like are GPUs that several tasks use at once.
        quantity: How many.
        partition: A MIG partition of the model.

    Raises:
        ValueError: The model is unknown, the quantity is below 1, or the model has no such partition.
        TypeError: The quantity is no number.

    Warns:
        DeprecationWarning: The model is written the old way, with spaces.
    """
    model = _current_name(device, stacklevel=3)
    if partition is not None and model.endswith(" shared"):
        raise ValueError(
            f"a shared GPU has no partitions, got {partition!r} for {model!r}\nhint: name the model without `shared`"
        )
    return _device("GPU", model, quantity, partition)


def TPU(device: TPUType, partition: V5EParts | V5PParts | V6EParts | None = None) -> Device:  # noqa: N802  # the public name
    """Ask for a slice of TPUs.

    Args:
        device: The generation.
        partition: The slice's topology.

    Raises:
        ValueError: The generation is unknown, or has no such topology.
    """
    return _device("TPU", device, 1, partition)


def Neuron(device: NeuronType) -> Device:  # noqa: N802  # the public name
    """Ask for an AWS Inferentia or Trainium device.

    Raises:
        ValueError: The model is unknown.
    """
    return _device("NEURON", device)


def AMD_GPU(device: AMD_GPUType) -> Device:  # noqa: N802  # the public name
    """Ask for an AMD Instinct GPU.

    Raises:
        ValueError: The model is unknown.
    """
    return _device("AMD_GPU", device)


def HABANA_GAUDI(device: HABANA_GAUDIType) -> Device:  # noqa: N802  # the public name
    """Ask for a Gaudi device.

    Raises:
        ValueError: The model is unknown.
    """
    return _device("HABANA_GAUDI", device)


def APPLE_SILICON() -> Device:  # noqa: N802  # the public name
    """Ask for the GPU of the Mac that the devbox runs on."""
    return _device("APPLE_SILICON", APPLE_SILICON_MODEL)


@light_dataclass()
class Resources:
    """What a task asks of the machine it runs on. Quantities are written as Kubernetes writes them: `500m`, `2Gi`.

    A pair is what is reserved, and what must not be exceeded. Units are not checked here.

    Raises:
        ValueError: A field is of another type, negative, or a pair of something else than two; or the accelerator is unknown.

    Warns:
        DeprecationWarning: The accelerator is written the old way, with spaces.

    ```python
    from flyte_models.resources import Device, Resources

    assert Resources(cpu=2, memory="4Gi", gpu="A100:4").get_device() == Device(4, "GPU", device="A100")
    ```
    """

    cpu: CPUBaseType | tuple[CPUBaseType, CPUBaseType] | None = None
    """Cores."""
    memory: str | tuple[str, str] | None = None
    gpu: Accelerators | int | Device | None = None
    """A device and how many (`A100:4`), a number of GPUs of any kind, or a `Device`."""
    disk: str | None = None
    """Ephemeral disk space."""
    shm: str | Literal["auto"] | None = None  # noqa: PYI051  # as the reference declares it
    """Shared memory at `/dev/shm`; `auto` is as much as there is."""

    def __post_init__(self) -> None:
        _refuse_bad_pair("cpu", self.cpu, (int, float, str), "a number of cores or a quantity such as `500m`")
        quantity = "a quantity such as `512Mi` or `2Gi`"
        _refuse_bad_pair("memory", self.memory, (str,), quantity)
        if self.gpu is not None:
            self.gpu = _accelerator(self.gpu)
        for name in ("disk", "shm"):
            _refuse_bad_quantity(name, getattr(self, name), (str,), quantity)

    def get_device(self) -> Device | None:
        """Give the accelerators as a `Device`, or `None` without any."""
        match self.gpu:
            case str(named):
                model, _, count = named.partition(":")
                found: list[DeviceClass] = [device_class for device_class, models in MODELS.items() if model in models]
                return Device(int(count or 1), found[0], model)
            case int(count) if count:
                return Device(count, "GPU")
            case Device() as device:
                return device
            case _:
                return None

    def get_shared_memory(self) -> str | None:
        """Give the size of the shared memory; empty for as much as there is, `None` for none."""
        return "" if self.shm == "auto" else self.shm


def _current_name(device: str, *, stacklevel: int) -> str:
    name = DEPRECATED_MODELS.get(device)
    if name is None:
        return device
    warnings.warn(f"the accelerator {device!r} is now written {name!r}", DeprecationWarning, stacklevel=stacklevel)
    return name


def _device(device_class: DeviceClass, model: str, quantity: int = 1, partition: str | None = None) -> Device:
    models = MODELS[device_class]
    if model not in models:
        raise ValueError(f"{model!r} is no {device_class} that Flyte knows\nhint: one of {', '.join(models)}")
    partitions = PARTITIONS.get(model)
    if partition is not None and partitions is not None and partition not in partitions:
        raise ValueError(f"{model} has no partition {partition!r}\nhint: one of {', '.join(partitions)}")
    return Device(quantity, device_class, model, partition)


def _accelerator(gpu: Any) -> Any:
    if isinstance(gpu, str):
        model, colon, count = gpu.partition(":")
        named = _current_name(model, stacklevel=5) + colon + count
        if named in ACCELERATORS:
            return named
        raise ValueError(f"`Resources.gpu` names no accelerator that Flyte knows: {gpu!r}\nhint: {_hint(model)}")
    if not isinstance(gpu, int | Device):
        raise ValueError(  # noqa: TRY004  # the reference's type
            f"`Resources.gpu` must be an accelerator, a number or a `Device`, got {gpu!r}\n"
            'hint: `gpu="A100:4"`, `gpu=1`, or `gpu=flyte.GPU("A100", 1, "1g.5gb")`'
        )
    if isinstance(gpu, int) and gpu < 0:
        raise ValueError(f"`Resources.gpu` must not be negative, got {gpu}")
    return gpu


def _hint(model: str) -> str:
    known = [name for name in ACCELERATORS if name.partition(":")[0].lower() == model.strip().lower()]
    if known:
        return f"{known[0]!r}" if len(known) == 1 else f"one of {known[0]!r} to {known[-1]!r}"
    models = dict.fromkeys(name.partition(":")[0] for name in ACCELERATORS)
    return f"a model and how many, such as `A100:4`; the models are {', '.join(models)}"


def _refuse_bad_pair(name: str, item: object, types: tuple[type, ...], wanted: str) -> None:
    if not isinstance(item, tuple):
        _refuse_bad_quantity(name, item, types, wanted)
        return
    if len(item) != 2:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(f"`Resources.{name}` as a pair is (request, limit), got {item!r}")
    for each in item:  # pyright: ignore[reportUnknownVariableType]
        if each is None:
            raise ValueError(
                f"both sides of `Resources.{name}` must be set, got {item!r}\nhint: one quantity needs no pair"
            )
        _refuse_bad_quantity(name, each, types, wanted)  # pyright: ignore[reportUnknownArgumentType]


def _refuse_bad_quantity(name: str, item: object, types: tuple[type, ...], wanted: str) -> None:
    if item is None:
        return
    if not isinstance(item, types):
        raise ValueError(f"`Resources.{name}` must be {wanted}, got {item!r}")  # noqa: TRY004  # the reference's type
    if isinstance(item, int | float) and item < 0:
        raise ValueError(f"`Resources.{name}` must not be negative, got {item}")
