"""What a recording says about synchrony, each number computed once, with the null model beside every claim."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from cofire import checks, sync
from cofire.random import Key
from cofire.recording import Recording
from cofire.viz._sync_activity import ACTIVITY, traces_of

MOST_UNITS = 512  # of which pairs are formed; larger recordings are read on a keyed sample


@final
@dataclass(frozen=True, kw_only=True)
class Synchrony:
    """The reading of one recording.

    Parameters
    ----------
    recording
        With a trace (T, D), or (T, B, D) of which `example` is read.
    key
        Of surrogates, samples and starting points.
    trace
        Its name; by default the first of activation, post_activation, voltage, spike.
    warmup
        Ticks to leave out of the synchrony; by default an eighth of the recording.
    clusters
        How many to cut into; by default the number with the largest gap in the tree.
    """

    recording: Recording
    key: Key
    trace: str = ""
    example: int = 0
    warmup: int | None = None
    clusters: int | None = None
    window: int = 16
    surrogates: int = 199

    def __post_init__(self) -> None:
        checks.instance("recording", self.recording, Recording)
        name = self.trace or next((one for one in ACTIVITY if one in self.recording), "")
        traces_of(self.recording, name)
        object.__setattr__(self, "trace", name)
        ticks = self.recording.ticks
        checks.integer("ticks", ticks, low=8, fix="record at least 8 ticks")
        warmup = ticks // 8 if self.warmup is None else self.warmup
        object.__setattr__(self, "warmup", checks.integer("warmup", warmup, low=0, high=ticks - 4))
        window = min(checks.integer("window", self.window, low=2), max(2, ticks // 4))
        object.__setattr__(self, "window", window)

    @cached_property
    def alone(self) -> Recording:
        """The recording of one example."""
        axes = self.recording.trace(self.trace).axes
        return self.recording.select(batch=self.example) if "batch" in axes else self.recording

    @cached_property
    def units(self) -> np.ndarray:
        """The units that are read: those that vary after the warm-up, sampled by key where there are very many."""
        x = self.alone[self.trace]
        checks.shape(self.trace, x, ("T", "D"), fix="name a trace of ticks by units with --trace")
        alive = np.flatnonzero(np.ptp(x[self.first :].astype(np.float64), axis=0) > 0)
        if len(alive) < 3:
            fix = "kick the network again, or record before it falls silent"
            raise checks.InvalidValue(checks.message(self.trace, "at least 3 units that vary", str(len(alive)), fix))
        if len(alive) > MOST_UNITS:
            alive = np.sort(alive[self.key.fold("units").permutation(len(alive))[:MOST_UNITS]])
        return alive

    @property
    def first(self) -> int:
        """The first tick after the warm-up."""
        return int(self.warmup or 0)

    @cached_property
    def x(self) -> np.ndarray:
        """Their traces (T, D)."""
        return self.alone[self.trace][:, self.units].astype(np.float64)

    @cached_property
    def spikes(self) -> np.ndarray | None:
        """The raster of the same units, where there is one."""
        return self.alone["spike"][:, self.units] if "spike" in self.alone else None

    @cached_property
    def S(self) -> np.ndarray:
        """Cumulative synchrony after the warm-up."""
        return sync.cumulative(self.x, warmup=self.first)

    @cached_property
    def correlation(self) -> np.ndarray:
        """Pearson's correlation of all pairs after the warm-up; 0 where undefined."""
        return sync.correlation(self.x[self.first :], undefined=0.0)

    @cached_property
    def natural(self) -> sync.NaturalNumber:
        """The evidence for every number of clusters."""
        most = min(10, len(self.units) - 1)
        block = max(1, min(16, (len(self.x) - self.first) // 4))
        return sync.natural_number(
            self.x, key=self.key.fold("natural"), warmup=self.first, most=most, surrogates=39, block=block
        )

    @cached_property
    def clustering(self) -> sync.Clustering:
        """The tree, cut into the clusters that were asked for, or into the natural number."""
        found = self.natural.clustering
        return found if self.clusters is None else found.cut(self.clusters)

    @cached_property
    def together(self) -> sync.Chance:
        """Is the mean correlation of all pairs above chance?"""
        return sync.against_chance(self.x[self.first :], key=self.key.fold("all"), surrogates=self.surrogates)

    @cached_property
    def within(self) -> sync.Chance:
        """Is the mean correlation within each cluster above chance? One test per cluster."""
        labels = self.clustering.labels

        def statistic(x: np.ndarray) -> np.ndarray:
            return np.array([sync.mean_correlation(x[:, labels == one]) for one in np.unique(labels)])

        key = self.key.fold("within")
        return sync.against_chance(self.x[self.first :], statistic, key=key, surrogates=self.surrogates)

    @cached_property
    def pairs(self) -> sync.Chance:
        """Which pairs are correlated above chance? Ticks are shuffled, so that a pair's p can be small."""

        def statistic(x: np.ndarray) -> np.ndarray:
            return sync.correlation(x, undefined=0.0)

        x, key = self.x[self.first :], self.key.fold("pairs")
        return sync.against_chance(x, statistic, key=key, null=sync.jittered(self.window), surrogates=self.surrogates)

    @cached_property
    def phase_relation(self) -> np.ndarray:
        """Per cluster: the correlation over time of its coherence with its mean activity; NaN where one is constant."""
        labels = self.clustering.labels
        values = []
        for one in np.unique(labels):
            group = self.x[:, labels == one]
            pair = [sync.over_time(group, name, window=self.window) for name in ("coherence", "activation")]
            values.append(sync.correlation(np.stack(pair, axis=1)[max(self.first, self.window) :])[0, 1])
        return np.array(values)

    @cached_property
    def assemblies(self) -> sync.Assemblies | None:
        """Assemblies over time of deviations above the mean; None where no two units ever rise together."""
        above = np.maximum(self.x - self.x.mean(axis=0), 0.0)
        number = min(max(2, self.clustering.n), 8)
        try:
            return sync.assemblies(above, number, key=self.key.fold("assemblies"), window=self.window)
        except checks.InvalidValue:
            return None

    def to_json(self) -> dict[str, Any]:
        """All numbers of the report, as JSON can hold them; NaN becomes None."""
        within, natural, together = self.within, self.natural, self.together
        numbers = {
            "trace": self.trace,
            "ticks": len(self.x),
            "units": len(self.units),
            "units_recorded": self.alone[self.trace].shape[1],
            "warmup": self.first,
            "window": self.window,
            "seed": self.key.to_json(),
            "mean_correlation": _chance(together, "traces shifted in circles"),
            "pairs_above_chance": {
                "count": int((np.triu(self.pairs.q <= 0.05, 1)).sum()),
                "of": len(self.units) * (len(self.units) - 1) // 2,
                "q": 0.05,
                "smallest_possible_p": 1 / (1 + self.pairs.surrogates),
                "null": f"ticks shuffled within windows of {self.window}",
            },
            "natural_number": {
                "by_gap": natural.by_gap,
                "by_silhouette": natural.by_silhouette,
                "by_stability": natural.by_stability,
                "k": natural.numbers.tolist(),
                "gap": natural.gaps.tolist(),
                "silhouette": natural.silhouettes.tolist(),
                "stability": natural.stability.tolist(),
                "stability_by_chance": natural.null_stability.tolist(),
                "p": natural.p.tolist(),
            },
            "clusters": {
                "labels": self.clustering.labels.tolist(),
                "units": self.units.tolist(),
                "sizes": self.clustering.sizes.tolist(),
                "cut": self.clustering.height,
                "mean_correlation": _chance(within, "traces shifted in circles"),
                "coherence_against_activity": self.phase_relation.tolist(),
            },
        }
        if self.spikes is not None:
            numbers["spikes"] = self._spike_numbers(self.spikes)
        return _without_nan(numbers)

    def _spike_numbers(self, spikes: np.ndarray) -> dict[str, Any]:
        trains, stop = sync.spike_times(spikes), float(len(spikes))
        sizes = sync.avalanches(spikes.sum(axis=1)).sizes
        return {
            "rate_per_tick": float(spikes.mean()),
            "cv": _median(sync.cv(trains, stop=stop)),
            "lv": _median(sync.lv(trains, stop=stop)),
            "fano_factor": _median(sync.fano_factor(trains, [self.window], stop=stop)[0]),
            "avalanches": len(sizes),
            "largest_avalanche": int(sizes.max(initial=0)),
        }


def _chance(found: sync.Chance, null: str) -> dict[str, Any]:
    parts = {"observed": found.observed, "null_mean": found.null_mean, "null_std": found.null_std}
    parts |= {"p": found.p, "q": found.q}
    return {name: part.tolist() for name, part in parts.items()} | {"surrogates": found.surrogates, "null": null}


def _median(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(np.median(defined)) if defined.size else float("nan")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
