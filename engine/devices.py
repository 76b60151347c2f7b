"""`python -m engine.devices`: the GPUs of this machine as JSON.

It is a process of its own, since torch takes seconds and memory to load, and holds some of a GPU as long as it lives.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any


def list_gpus(environment: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Every GPU that torch can use here.

    Args:
        environment: variables that tell which GPUs can be seen; the process's own where None.

    Returns:
        Per GPU its `id`, which is the same in every process of the machine, its `name`, and `visible_as`, what
        `CUDA_VISIBLE_DEVICES` must be for a process to see it alone.
    """
    import torch

    if not torch.cuda.is_available():
        return []
    named = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES", "")
    visible = [part.strip() for part in named.split(",") if part.strip()]
    found = []
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        visible_as = visible[number] if visible else str(number)
        found.append(
            {"id": str(getattr(properties, "uuid", visible_as)), "name": properties.name, "visible_as": visible_as}
        )
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(list_gpus()))
