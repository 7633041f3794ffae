"""The loss of an answer to a question: that of an image, over the ticks after the question."""

from torch import Tensor

from cofire.tasks.losses._image import image


def qamnist(logits: Tensor, certainty: Tensor, targets: Tensor, use_most_certain: bool = True) -> tuple[Tensor, Tensor]:
    """Return `image` of the ticks at which the answer is expected: those, and no others, are to be given.

    Where a question was asked in the course of a thought, its last A ticks are `logits[..., -A:]` and
    `certainty[:, -A:]`.

    Shapes: logits (B, C, A), certainty (B, A), targets (B,) integers below C. Returns the scalar loss and the second
    tick of each example (B,), counted from 0 within the A ticks. Raises `InvalidValue` where shapes do not fit.
    Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section on Q&A MNIST.

    >>> import torch
    >>> thought = torch.tensor([[[9.0, 0.0, 2.0], [0.0, 9.0, -2.0]]])  # what came before the question does not count
    >>> loss, tick = qamnist(thought[..., -2:], torch.tensor([[0.1, 0.9]]), torch.tensor([0]))
    >>> round(loss.item(), 4), tick.tolist()
    (0.0181, [1])
    """
    return image(logits, certainty, targets, use_most_certain)
