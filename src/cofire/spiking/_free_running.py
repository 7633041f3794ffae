"""Networks that start from a kick and run by themselves, in discrete ticks."""

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from cofire import checks
from cofire.recording import Recording, Trace
from cofire.spiking import _room
from cofire.spiking._free_running_kernel import Constants, advance, silence

TRACES = ("activation", "spike", "output", "threshold")  # in the order of the compiled loop


class FreeRunningState(NamedTuple):
    """Everything that a free-running network carries from one tick to the next."""

    activation: np.ndarray  # (N,)
    firing: np.ndarray  # (N,) bool: who fired in the last tick
    ready_at: np.ndarray  # (N,) the tick from which each neuron is out of refraction
    output: np.ndarray  # (K,)
    threshold: np.ndarray  # (N,) of the coming tick
    tick: int = 0


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FreeRunning:
    """A network of N neurons with refraction and moving thresholds, read by K leaky spike counters.

    All neurons move at once, one tick after the spikes that reach them. With W the weights of magnitude w_th or more:

        a' = clip(a + Wᵀ f, 0, 1)          of neurons out of refraction; others lose their input
        f' = out of refraction and a' ≥ θ
        a' = λ_r a'                        of neurons in refraction before this tick
        θ  = clip(θ₀ + R sin(2π t / p), 0, 1)      for the next tick, where p > 0
        o  = clip(λ_r o + Wₒᵀ f', 0, 1)
        a  = λ_a a'

    A neuron that fires keeps its activation and can fire again P ticks later. The refraction leak λ_r is the leak of
    the outputs too: one knob with two meanings, as published.

    Parameters
    ----------
    weights
        (N, N), `weights[j, i]` from neuron j to neuron i.
    output_weights
        (N, K); none by default.
    thresholds
        θ₀, (N,) or one number.
    refraction_period
        P, in ticks, (N,) or one number.
    activation_leak, refraction_leak
        λ_a and λ_r, from 0 to 1.
    threshold_range, threshold_period
        R and p (ticks), (N,) or one number; p = 0 holds the threshold still.
    weight_threshold
        w_th: weaker weights, of outputs too, count as zero.
    tanh
        Squash by (tanh(a + Wᵀ f) + 1) / 2 in place of the clip.
    refraction
        Without it a neuron that fires is set to a = 0 and is never refractory.

    Raises
    ------
    InvalidType, InvalidValue
        For shapes that do not fit, numbers that are not finite, leaks outside 0 to 1.

    >>> net = FreeRunning(weights=np.zeros((1, 1)), thresholds=0.3, refraction_period=2)
    >>> np.flatnonzero(net.run(10, kick=[0])["spike"][:, 0])  # regular firing without a synapse
    array([0, 2, 4, 6])
    """

    weights: Any
    output_weights: Any = None
    thresholds: Any = 0.5
    refraction_period: Any = 2
    activation_leak: float = 0.98
    refraction_leak: float = 0.75
    threshold_range: Any = 0.0
    threshold_period: Any = 0
    weight_threshold: float = 0.0
    tanh: bool = False
    refraction: bool = True

    def __post_init__(self) -> None:
        weights = _matrix("weights", self.weights)
        n = weights.shape[0]
        checks.shape("weights", weights, (n, n), fix="give one row per source and one column per target")
        readouts = np.zeros((n, 0)) if self.output_weights is None else _matrix("output_weights", self.output_weights)
        checks.shape("output_weights", readouts, (n, "K"), fix="give one row per neuron")
        checked = {
            "weights": weights,
            "output_weights": readouts,
            "thresholds": _per_neuron("thresholds", self.thresholds, n),
            "refraction_period": _per_neuron("refraction_period", self.refraction_period, n, whole=True, low=1),
            "threshold_range": _per_neuron("threshold_range", self.threshold_range, n),
            "threshold_period": _per_neuron("threshold_period", self.threshold_period, n, low=0),
            "activation_leak": checks.number("activation_leak", self.activation_leak, low=0, high=1),
            "refraction_leak": checks.number("refraction_leak", self.refraction_leak, low=0, high=1),
            "weight_threshold": checks.number("weight_threshold", self.weight_threshold, low=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        checks.instance("tanh", self.tanh, (bool, np.bool_))
        checks.instance("refraction", self.refraction, (bool, np.bool_))

    def __repr__(self) -> str:
        n, k = self.output_weights.shape
        synapses = np.count_nonzero((self.weights != 0) & (np.abs(self.weights) >= self.weight_threshold))
        return f"FreeRunning({n} neurons, {synapses} synapses, {k} outputs)"

    @property
    def neurons(self) -> int:
        """N."""
        return self.weights.shape[0]

    @property
    def moving_thresholds(self) -> bool:
        """Whether any threshold moves."""
        return bool(np.any((self.threshold_period > 0) & (self.threshold_range != 0)))

    @property
    def constants(self) -> Constants:
        """What the compiled loop reads and never changes, made once: of those that threads make at once, one stays."""
        return self.__dict__.get("_constants") or self.__dict__.setdefault("_constants", Constants(self))

    def init_state(self) -> FreeRunningState:
        """Silence: zero activation and outputs, thresholds at rest."""
        n, k = self.output_weights.shape
        return FreeRunningState(np.zeros(n), np.zeros(n, bool), np.zeros(n), np.zeros(k), self.thresholds.copy())

    def run(self, ticks: int, *, kick: Any = (), drive: Any = None) -> Recording:
        """Run from silence and record every tick.

        Parameters
        ----------
        ticks
            How many.
        kick
            Neurons whose activation is set to 1 before the first tick, or {tick: neurons} for kicks over time.
        drive
            (T, N), added to the activation before each tick (and clipped to 0..1): patterns over time.

        Returns
        -------
        Recording
            "activation" (T, N) after the leak, "spike" (T, N), "output" (T, K), "threshold" (T, N) that each tick used.
        """
        return self.advance(self.init_state(), ticks, kick=kick, drive=drive)[0]

    def advance(
        self, state: FreeRunningState, ticks: int, *, kick: Any = (), drive: Any = None
    ) -> tuple[Recording, FreeRunningState]:
        """Run on from a state, which is left unchanged; ticks of `kick` count from it. See `run`.

        >>> net = FreeRunning(weights=np.ones((3, 3)) - np.eye(3))
        >>> first, state = net.advance(net.init_state(), 5, kick=[0])
        >>> second, _ = net.advance(state, 5)
        >>> whole = net.run(10, kick=[0])
        >>> bool(np.array_equal(np.concatenate([first["spike"], second["spike"]]), whole["spike"]))
        True
        """
        checks.integer("ticks", ticks, low=1)
        kicked, over_time = _stimulus(self.neurons, ticks, kick, drive)
        traces, parts = _allocate((ticks,), [self], TRACES), silence(1, *self.output_weights.shape)
        _, activation, firing, ready_at, output, threshold = (part[0] for part in parts)
        activation[:], ready_at[:], output[:] = state.activation, state.ready_at, state.output
        firing[:], threshold[:] = np.packbits(state.firing, bitorder="little"), state.threshold
        activation[kicked] += 1.0
        np.clip(activation, 0.0, 1.0, out=activation)
        places = [_addresses(array, 1)[0] for array in (parts.memory, over_time, *(traces[name] for name in TRACES))]
        advance([(self.constants.address, state.tick, ticks, *places)])
        fired = np.unpackbits(firing, count=self.neurons, bitorder="little").astype(bool)
        moved = (activation.copy(), fired, ready_at.copy(), output.copy(), threshold.copy())
        after = FreeRunningState(*moved, tick=state.tick + ticks)
        axes = {"output": ("tick", "output")}
        named = {name: Trace(traces[name], axes.get(name, ("tick", "neuron"))) for name in TRACES}
        return Recording(named, start=float(state.tick), provenance={"made_by": repr(self)}), after


def run_many(
    networks: Sequence[FreeRunning],
    ticks: int,
    *,
    kick: Any = (),
    record: Collection[str] = TRACES,
    threads: int | None = None,
) -> Recording:
    """Run many networks of one size at once, one thread each, as evolution needs.

    Parameters
    ----------
    networks
        B networks that agree in neurons and outputs.
    ticks
        How many.
    kick
        As in `FreeRunning.run` for all, or a list with one such kick per network.
    record
        Which of "activation", "spike", "output", "threshold" to keep; fewer are faster and smaller.
    threads
        As many as processors by default. The result does not depend on it.

    Returns
    -------
    Recording
        The traces with axes (tick, batch, neuron or output). The memory of long ones (from 32 to 128 MiB, two of them)
        is kept when the last of their arrays is gone, and serves the next call.

    >>> net = FreeRunning(weights=np.zeros((2, 2)), thresholds=0.3)
    >>> run_many([net, net], 4, kick=[[0], [1]], record=["spike"])["spike"].sum(axis=0).tolist()
    [[2, 0], [0, 2]]
    """
    networks = list(networks)
    checks.integer("networks", len(networks), low=1, fix="give at least one network")
    checks.integer("ticks", ticks, low=1)
    for network in networks:
        checks.instance("network", network, FreeRunning)
        checks.shape("output_weights of every network", network.output_weights, networks[0].output_weights.shape)
    names = [checks.choice("record", name, TRACES) for name in dict.fromkeys(record)]
    checks.integer("record", len(names), low=1, fix="name at least one trace")
    workers = _processors() if threads is None else checks.integer("threads", threads, low=1)
    kicks, neurons = _kick_of_each(kick, len(networks)), networks[0].neurons
    traces = _allocate((len(networks), ticks), networks, names)
    parts = silence(len(networks), *networks[0].output_weights.shape)
    memory = _addresses(parts.memory, len(networks))
    places = list(zip(*(_addresses(traces.get(name), len(networks)) for name in TRACES), strict=True))
    block = max(1, len(networks) // (8 * workers))  # few tasks, yet enough to even out

    def simulate(first: int) -> None:
        jobs, alive = [], []
        for place in range(first, min(first + block, len(networks))):
            kicked, over_time = _stimulus(neurons, ticks, kicks[place])
            parts.activation[place, kicked] = 1.0
            parts.threshold[place] = networks[place].thresholds
            alive.append(over_time)
            jobs.append(
                (networks[place].constants.address, 0, ticks, memory[place], *_addresses(over_time, 1), *places[place])
            )
        advance(jobs)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(simulate, range(0, len(networks), block)))
    axes = {name: ("tick", "batch", "output" if name == "output" else "neuron") for name in names}
    return Recording({name: Trace(np.swapaxes(traces[name], 0, 1), axes[name]) for name in names})


def _stimulus(neurons: int, ticks: int, kick: Any, drive: Any = None) -> tuple[list[int], np.ndarray | None]:
    """The neurons kicked before the first tick, and what is added to the activation over time (T, N), if anything."""
    kicked: dict[int, list[int]] = {0: []}
    for tick, chosen in (kick if isinstance(kick, Mapping) else {0: kick}).items():
        checks.integer("kick tick", tick, low=0, high=ticks - 1)
        places = np.atleast_1d(np.asarray(chosen)).tolist()
        kicked[tick] = [checks.integer("kick", place, low=0, high=neurons - 1) for place in places]
    at_once = kicked.pop(0)
    if drive is None and not kicked:
        return at_once, None
    over_time = np.zeros((ticks, neurons))
    if drive is not None:
        fix = "give one row per tick and one column per neuron"
        given = checks.shape("drive", np.asarray(drive, np.float64), (ticks, neurons), fix=fix)
        over_time += checks.finite("drive", given)
    for tick, places in kicked.items():
        over_time[tick, places] = 1.0
    return at_once, over_time


def _addresses(array: np.ndarray | None, count: int) -> list[int]:
    """Where the compiled loop finds the part of each network; nowhere (0), if it is to leave them alone."""
    if array is None or not array.flags.writeable:
        return [0] * count
    first, step = array.ctypes.data, array.strides[0]
    return [first + step * place for place in range(count)]


def _kick_of_each(kick: Any, networks: int) -> list[Any]:
    separate = isinstance(kick, Sequence) and len(kick) > 0 and not isinstance(kick[0], int | np.integer)
    if separate and len(kick) != networks:
        wanted = f"one kick for all or {networks}, one per network"
        raise checks.InvalidValue(checks.message("kick", wanted, f"{len(kick)}"))
    return list(kick) if separate else [kick] * networks


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _allocate(lead: tuple[int, ...], nets: Sequence[FreeRunning], names: Collection[str]) -> dict[str, np.ndarray]:
    """Room for the traces; thresholds that stand still are kept once, as a read-only view."""
    neurons, outputs = nets[0].output_weights.shape
    width = {"output": outputs}
    traces = {
        name: _room.empty((*lead, width.get(name, neurons)), bool if name == "spike" else np.float64) for name in names
    }
    if "threshold" in names and not any(net.moving_thresholds for net in nets):
        rest = np.stack([net.thresholds for net in nets])
        still = rest[:, None] if len(lead) == 2 else rest
        traces["threshold"] = np.broadcast_to(still, traces["threshold"].shape)
    return traces


def _matrix(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=np.float64)
    return checks.finite(name, checks.shape(name, array, ("N", "M")))


def _per_neuron(name: str, value: Any, neurons: int, *, whole: bool = False, low: float | None = None) -> np.ndarray:
    array = np.asarray(value)
    if whole and array.dtype.kind not in "iu":
        raise checks.InvalidType(checks.message(name, "integers", f"dtype {array.dtype}", "count in whole ticks"))
    array = array.astype(np.int64 if whole else np.float64)
    array = np.full(neurons, array) if array.ndim == 0 else array
    checks.finite(name, checks.shape(name, array, (neurons,), fix="give one number, or one per neuron"))
    if low is not None and array.size and array.min() < low:
        raise checks.InvalidValue(checks.message(name, f"numbers of at least {low}", str(array.min())))
    return array
