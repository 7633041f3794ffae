"""The bytes that each kernel must move through a device's memory: what it reads and what it writes, each once.

`number` is the size of a stored number in bytes (4 for float32, 2 for bfloat16); sums are float32 always. What fits
into a cache moves less, what is read again moves more: the bytes over the time, as a share of the peak bandwidth, say
how far a kernel is from the best that memory allows.
"""

SUM = 4  # bytes of a float32
INDEX = 8


def neuron_models(
    batch: int,
    neurons: int,
    memory_length: int,
    hidden: int,
    *,
    layers: int = 2,
    number: int = 4,
    gradient: bool = False,
) -> int:
    """Bytes of one tick of neuron-level models, forward, or of its gradient.

    Forward: weights and biases, the window but for its newest column, which is read from the pre-activations and
    written, and the activations. Backward: weights, window and the gradient of the activations read; the gradients of
    window and weights read and written.

    >>> neuron_models(64, 1024, 25, 16)
    10625024
    """
    weights = 2 * hidden * (memory_length + 1) + (2 * (hidden + 1) if layers == 2 else 0)
    window, samples = memory_length * batch, batch
    if not gradient:
        return neurons * number * (weights + window - samples + 3 * samples)
    return neurons * (number * (weights + window + samples) + 2 * SUM * (weights + window))


def synchronisation(
    ticks: int, batch: int, neurons: int, pairs: int, *, number: int = 4, gradient: bool = False
) -> int:
    """Bytes of running synchronisation over some ticks, forward, or of its gradient.

    Forward: activations (at most two per pair, at most all), the sums before and after, pairs and retention, S and the
    sums beta of every tick. Backward: what was saved, the gradients that come and the gradients of the products of
    every tick, written and read; the activations and their gradient.

    >>> synchronisation(1, 64, 1024, 528)
    684544
    """
    seen, read = ticks * batch * min(neurons, 2 * pairs), ticks * batch * pairs
    betas, sums = SUM * (ticks + 1) * pairs, SUM * batch * pairs
    if not gradient:
        return number * (seen + read + pairs) + 2 * sums + SUM * pairs + betas + 2 * INDEX * pairs
    products, lists = 2 * SUM * read, INDEX * (4 * pairs + neurons + 1)
    activations = number * (seen + ticks * batch * neurons)
    return 2 * number * read + 3 * sums + betas + products + activations + lists + (number + SUM) * pairs
