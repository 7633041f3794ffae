"""Losses over the ticks of a thought: functions of tensors, without state.

A thought is judged at two of its ticks only: where it was nearest to the target, and where it would have been stopped.
The first lets an answer come early, the second makes the certainty mean something.
"""

from cofire.tasks.losses._image import cross_entropy as cross_entropy
from cofire.tasks.losses._image import image as image
from cofire.tasks.losses._image import right as right
from cofire.tasks.losses._image import right_among as right_among
from cofire.tasks.losses._maze import maze as maze
from cofire.tasks.losses._parity import parity as parity
from cofire.tasks.losses._positions import position_losses as position_losses
from cofire.tasks.losses._positions import right_positions as right_positions
from cofire.tasks.losses._positions import sequence as sequence
from cofire.tasks.losses._qamnist import qamnist as qamnist
from cofire.tasks.losses._sort import sort as sort

__all__ = [
    "cross_entropy",
    "image",
    "maze",
    "parity",
    "position_losses",
    "qamnist",
    "right",
    "right_among",
    "right_positions",
    "sequence",
    "sort",
]
