"""How the protocol calls accelerators: names of models as Kubernetes labels them, and numbers of classes."""

from flyte_models.errors import DeclarationError
from flyte_models.resources import Device

__all__ = ["device_class_number", "device_name"]

_NAMES = {
    "A10": "nvidia-a10",
    "A10G": "nvidia-a10g",
    "A100": "nvidia-tesla-a100",
    "A100_80G": "nvidia-a100-80gb",
    "H100": "nvidia-tesla-h100",
    "L4": "nvidia-l4",
    "L40s": "nvidia-l40s",
    "RTX_PRO_4500": "nvidia-rtx-pro-4500",
    "RTX_PRO_6000": "nvidia-rtx-pro-6000",
    "T4": "nvidia-tesla-t4",
    "V100": "nvidia-tesla-v100",
    "V5E": "tpu-v5-lite-podslice",
    "V5P": "tpu-v5p-slice",
    "V6E": "tpu-v6e-slice",
}
"""Where the label differs from our name; all others are labelled as they are called."""

_CLASSES = {"GPU": 0, "TPU": 1, "NEURON": 2, "AMD_GPU": 3, "HABANA_GAUDI": 4, "APPLE_SILICON": 5}


def device_name(device: Device) -> str:
    """Give the label of a device's model.

    Raises:
        DeclarationError: The device has no model.
    """
    if device.device is None:
        raise DeclarationError(
            f"`{device!r}` names no model, and a cluster schedules by it\n"
            "hint: `flyte.GPU(...)` names one; `Resources(gpu=2)` asks for any GPUs"
        )
    return _NAMES.get(device.device, device.device)


def device_class_number(device: Device) -> int:
    """Give the protocol's number of a class of devices."""
    return _CLASSES[device.device_class]
