"""A small agent, and a world in which only what was remembered helps."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cofire.ctm import CTM, ClassicControl, CTMConfig, DeepNeuronModel, FirstLast, LSTMConfig, SynapseBlock, Windowed
from cofire.random import Key
from cofire.tasks.control import Transition
from cofire.train import PPOConfig, train_ppo
from cofire.train.ppo import Agent, make_agent

KEY = Key(8)
MACHINE = CTMConfig(
    neurons=16,
    ticks=2,
    memory_length=4,
    backbone=ClassicControl(inputs=2, features=6),
    synapse=SynapseBlock(blocks=2),
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Windowed(pairs=FirstLast(neurons=6, end="last")),
)
LSTM = LSTMConfig(width=16, ticks=2, backbone=ClassicControl(inputs=2, features=6), answer=None)


class Recall:
    """A cue is shown at the first step of three; a point for every action that names it, then and later.

    `when` is called with the number of actions taken, before each.
    """

    name = "recall"
    shape = (2,)
    actions = 2
    limit = 3

    def __init__(self, when: Callable[[int], None] = lambda count: None):
        self.when, self.count = when, 0
        self.settings: Mapping[str, Any] = {"environment": "recall"}

    def begin(self, key: Key, episodes: np.ndarray) -> np.ndarray:
        return np.stack([key.units(episodes).integers(0, 0, 2), np.zeros(len(episodes), dtype=np.int64)], 1)

    def step(self, states: np.ndarray, actions: np.ndarray, steps: np.ndarray) -> Transition:
        self.when(self.count)
        self.count += 1
        after = np.stack([states[:, 0], states[:, 1] + 1], 1)
        return Transition(after, (actions == states[:, 0]).astype(np.float64), np.zeros(len(states), dtype=bool))

    def observe(self, states: np.ndarray) -> np.ndarray:
        cue = np.where(states[:, 1] == 0, 2 * states[:, 0] - 1, 0)
        return np.stack([cue, states[:, 1]], 1).astype(np.float32)


CONFIG = PPOConfig(
    steps=7, places=6, horizon=4, epochs=2, minibatches=3, evaluate_every=3, evaluation_episodes=5, save_every=3
)


def run(
    folder: Path,
    config: PPOConfig = CONFIG,
    world: Recall | None = None,
    machine: CTMConfig | LSTMConfig = MACHINE,
    **options: Any,
) -> Agent:
    """Train the small agent and return it."""
    torch.set_num_threads(1)
    world = world or Recall()
    agent = make_agent(machine, world, key=KEY)
    train_ppo(agent, world, config, folder, key=KEY.fold("run"), **options)
    return agent


def kill_at(folder: Path, action: int) -> None:
    """Begin a run that is killed while it plays."""

    def die(count: int) -> None:
        if count == action:
            os.kill(os.getpid(), signal.SIGKILL)

    run(folder, world=Recall(die))


def machine_with_decay(mind: Any) -> CTM:
    """The machine with decays inside their bounds."""
    with torch.no_grad():
        mind.sync_out.decay.fill_(0.3)
    return mind
