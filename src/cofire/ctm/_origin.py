"""Where a loaded machine came from, so that it can be written back as it was."""

from typing import Any, NamedTuple


class PublishedOrigin(NamedTuple):
    """The `config.json` of the published machine that a model was loaded from, and its entries that carry no
    information.

    `config` is the file's content; `masks` names the boolean masks that lay beside the weights.
    """

    config: dict[str, Any]
    masks: tuple[str, ...] = ()
