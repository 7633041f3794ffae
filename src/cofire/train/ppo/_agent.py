"""A machine that acts: what it reads from its neurons, an actor and a critic make of."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._carried import Mind, check_mind
from cofire.random import Key
from cofire.random import torch_ as draws
from cofire.tasks.control import Environment

HIDDEN = 64


class Agent(nn.Module):
    """A machine with two heads: an actor that gives logits over actions, and a critic that expects a return.

    Arguments: the machine `mind` (a `CTM` without attention or an `LSTMBaseline`; any answer head of its own is not
    used), the number of `actions`, and the `key` of the heads' start weights: two hidden layers of 64 rectified units
    each, all layers orthogonal, without bias at the start.

    >>> from cofire.ctm import ClassicControl, LSTMBaseline, LSTMConfig
    >>> config = LSTMConfig(width=8, ticks=1, backbone=ClassicControl(inputs=4, features=8), answer=None)
    >>> agent = Agent(LSTMBaseline(config, key=Key(0)), 2, key=Key(1))
    >>> logits, value = agent(torch.ones(5, 8))
    >>> tuple(logits.shape), tuple(value.shape)
    ((5, 2), (5,))
    """

    def __init__(self, mind: Mind, actions: int, *, key: Key | None):
        super().__init__()
        self.mind = check_mind(mind)
        self.actions = checks.integer("actions", actions, low=1)
        width = mind.sync_out.width
        with torch.device("meta"):
            self.actor, self.critic = perceptron(width, actions), perceptron(width, 1)
        if key is not None:
            for name, head in (("actor", self.actor), ("critic", self.critic)):
                head.to_empty(device="cpu")
                orthogonalise(head, key.fold(name))

    def forward(self, read: Float[Tensor, "*B P"]) -> tuple[Float[Tensor, "*B actions"], Float[Tensor, "*B"]]:
        """Return the logits of the actions and the expected return for what is read."""
        return self.actor(read), self.critic(read).squeeze(-1)


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """Return a network with two hidden layers."""
    sizes = [(inputs, HIDDEN), (HIDDEN, HIDDEN)]
    layers = [part for one in sizes for part in (nn.Linear(*one), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


@torch.no_grad()
def orthogonalise(module: nn.Module, key: Key) -> None:
    """Give every linear layer orthonormal rows or columns, uniformly over rotations, and no bias."""
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear):
            part.weight.copy_(orthogonal(key.fold(*name.split(".")), *part.weight.shape))
            part.bias.zero_()


def orthogonal(key: Key, rows: int, columns: int) -> Tensor:
    """Return a matrix (rows, columns) whose shorter side is orthonormal; Mezzadri, Notices of the AMS 54 (2007).

    >>> square = orthogonal(Key(0), 3, 3)
    >>> bool(torch.allclose(square @ square.T, torch.eye(3), atol=1e-6))
    True
    """
    tall = draws.normal(key, (max(rows, columns), min(rows, columns)), dtype=torch.float64)
    q, r = torch.linalg.qr(tall)
    q = q * r.diagonal().sign()
    return (q if rows >= columns else q.T).float()


def check_fits(agent: Agent, environment: Environment) -> None:
    """Raise InvalidValue where the actor gives another number of actions than the environment takes."""
    if agent.actions != environment.actions:
        wanted, got = f"an actor with {environment.actions} actions", f"one with {agent.actions}"
        raise checks.InvalidValue(checks.message("agent", wanted, got, "Agent(mind, environment.actions, key=key)"))
