"""What a network is trained on: data, targets and loss of a task. The loop that trains is `cofire.train`."""

from cofire.tasks import losses as losses
from cofire.tasks import mazes as mazes
from cofire.tasks._delayed_match import DelayedMatch as DelayedMatch
from cofire.tasks._digits import Digits as Digits
from cofire.tasks._emissions import Emissions as Emissions
from cofire.tasks._emissions import decode as decode
from cofire.tasks._images import Images as Images
from cofire.tasks._modular_addition import ModularAddition as ModularAddition
from cofire.tasks._multi_digit_addition import MultiDigitAddition as MultiDigitAddition
from cofire.tasks._parity import Parity as Parity
from cofire.tasks._qamnist import QuestionsMNIST as QuestionsMNIST
from cofire.tasks._registry import TASKS as TASKS
from cofire.tasks._registry import make_task as make_task
from cofire.tasks._sort import Sort as Sort
from cofire.tasks._task import Batch as Batch
from cofire.tasks._task import Task as Task
from cofire.tasks._task import Thoughtlike as Thoughtlike
from cofire.tasks._warp import Warp as Warp
from cofire.tasks.mazes import Mazes as Mazes

__all__ = [
    "TASKS",
    "Batch",
    "DelayedMatch",
    "Digits",
    "Emissions",
    "Images",
    "Mazes",
    "ModularAddition",
    "MultiDigitAddition",
    "Parity",
    "QuestionsMNIST",
    "Sort",
    "Task",
    "Thoughtlike",
    "Warp",
    "decode",
    "losses",
    "make_task",
    "mazes",
]
