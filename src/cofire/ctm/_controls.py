"""What a result is compared with: the one-tick control of any machine, and the published baselines' widths."""

import dataclasses
from typing import NamedTuple, TypeVar

from cofire import checks
from cofire.ctm._config import CTMConfig
from cofire.ctm._lstm_config import LSTMConfig

Config = TypeVar("Config")


def one_tick_control(config: Config) -> Config:
    """The same machine with a single tick of thought: same parts, same memory, same number of parameters.

    What a machine gains over it, trained the same way, is what thinking gained. A streamed machine still sees its whole
    stream and question; only the silence after them is one tick long.

    >>> from cofire.ctm import Answer, Direct
    >>> one_tick_control(LSTMConfig(width=8, ticks=50, backbone=Direct(features=4), answer=Answer(outputs=2))).ticks
    1
    """
    checks.instance("config", config, (CTMConfig, LSTMConfig), fix="a FeedForward has no ticks to take away")
    return dataclasses.replace(config, ticks=1)  # pyright: ignore


class PublishedWidth(NamedTuple):
    """The LSTM that a published machine was compared with: of about as many parameters."""

    task: str
    ticks: int  # of the machine, per input or observation where there are several
    memory_length: int  # of the machine
    width: int  # of the LSTM's layers
    layers: int = 1


# From the training scripts of the published code (Darlow et al., arXiv 2505.05522). CIFAR-10 gives both networks the
# same width; its feed-forward baseline is 256 wide too.
PUBLISHED_WIDTHS = (
    PublishedWidth("parity", 1, 1, 669),
    PublishedWidth("parity", 10, 5, 686),
    PublishedWidth("parity", 25, 10, 706),
    PublishedWidth("parity", 50, 25, 765),
    PublishedWidth("parity", 75, 25, 765),
    PublishedWidth("parity", 100, 50, 857),
    PublishedWidth("qamnist", 1, 3, 741),
    PublishedWidth("qamnist", 10, 30, 875),
    PublishedWidth("cartpole", 1, 10, 118),
    PublishedWidth("cartpole", 2, 20, 126),
    PublishedWidth("cartpole", 5, 50, 148),
    PublishedWidth("acrobot", 1, 5, 243),
    PublishedWidth("acrobot", 2, 10, 249),
    PublishedWidth("acrobot", 5, 25, 265),
    PublishedWidth("four-rooms", 1, 10, 294),
    PublishedWidth("four-rooms", 2, 20, 300),
    PublishedWidth("cifar10", 50, 15, 256, layers=2),
)
