"""Control: worlds to act in, of which what matters has to be remembered: velocities, or the way one came.

`cofire.train.train_ppo` trains machines to act in them.
"""

from collections.abc import Mapping
from typing import Any

from cofire import checks
from cofire.tasks.control._acrobot import Acrobot as Acrobot
from cofire.tasks.control._cart_pole import CartPole as CartPole
from cofire.tasks.control._environment import Environment as Environment
from cofire.tasks.control._environment import Transition as Transition
from cofire.tasks.control._episodes import Episodes as Episodes
from cofire.tasks.control._episodes import Outcome as Outcome
from cofire.tasks.control._four_rooms import FourRooms as FourRooms
from cofire.tasks.control._reward_scale import RewardScale as RewardScale

ENVIRONMENTS = {kind.name: kind for kind in (CartPole, Acrobot, FourRooms)}


def make_environment(settings: Mapping[str, Any]) -> Environment:
    """Return the environment whose `settings` these are; what is left out takes its default.

    Raises InvalidValue for a name that no environment has, and for a setting that it does not have.

    >>> make_environment({"environment": "cartpole", "limit": 500})
    CartPole(masked=True, limit=500)
    """
    given = dict(settings)
    kind = ENVIRONMENTS[checks.choice("environment", given.pop("environment", None), ENVIRONMENTS)]
    for name in given:
        checks.choice(f"setting of {kind.__name__}", name, kind.__dataclass_fields__)
    return kind(**given)
