"""What a network is trained on: data, targets and loss of a task. The loop that trains is `cofire.train`."""

from cofire.tasks import losses as losses
from cofire.tasks._digits import Digits as Digits
from cofire.tasks._task import Batch as Batch
from cofire.tasks._task import Task as Task
from cofire.tasks._task import Thoughtlike as Thoughtlike
from cofire.tasks._warp import Warp as Warp

__all__ = ["Batch", "Digits", "Task", "Thoughtlike", "Warp", "losses"]
