"""What a task asks of a machine: cores, memory, disk, accelerators of every kind."""

import flyte

requests = [
    flyte.Resources(cpu="500m", memory="1Gi", disk="10Gi", shm="auto"),
    flyte.Resources(gpu="A100:2"),
    flyte.Resources(gpu=flyte.GPU("H100", 1, "1g.10gb")),
    flyte.Resources(gpu=flyte.TPU("V5E", "2x2")),
    flyte.Resources(gpu=flyte.Neuron("Trn1")),
]

if __name__ == "__main__":
    for each in requests[2:]:
        print(each.gpu.device_class, each.gpu.device, each.gpu.partition)

# prints: GPU H100 1g.10gb
# prints: TPU V5E 2x2
# prints: NEURON Trn1 None
