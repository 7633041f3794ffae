"""Who fires together, when, and how sure one may be of it: pure functions on arrays.

Traces are (T, D), ticks by units; spike trains are lists of times; matrices of pairs are (D, D).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cofire.sync._avalanches import Avalanches as Avalanches
    from cofire.sync._avalanches import Branching as Branching
    from cofire.sync._avalanches import avalanches as avalanches
    from cofire.sync._avalanches import branching_ratio as branching_ratio
    from cofire.sync._chance import Chance as Chance
    from cofire.sync._chance import against_chance as against_chance
    from cofire.sync._chance import false_discovery as false_discovery
    from cofire.sync._chance import mean_correlation as mean_correlation
    from cofire.sync._clusters import LINKAGES as LINKAGES
    from cofire.sync._clusters import Clustering as Clustering
    from cofire.sync._clusters import adjusted_rand as adjusted_rand
    from cofire.sync._clusters import cluster as cluster
    from cofire.sync._clusters import cosine_distance as cosine_distance
    from cofire.sync._clusters import loud_distance as loud_distance
    from cofire.sync._clusters import silhouette as silhouette
    from cofire.sync._communities import leiden as leiden
    from cofire.sync._communities import modularity as modularity
    from cofire.sync._communities import spectral_communities as spectral_communities
    from cofire.sync._cumulative import cumulative as cumulative
    from cofire.sync._cumulative import cumulative_stream as cumulative_stream
    from cofire.sync._cumulative import decayed as decayed
    from cofire.sync._cumulative import decayed_matrix as decayed_matrix
    from cofire.sync._cumulative import windowed as windowed
    from cofire.sync._groups_over_time import MEASURES as MEASURES
    from cofire.sync._groups_over_time import over_time as over_time
    from cofire.sync._groups_over_time import within_clusters as within_clusters
    from cofire.sync._modes import Assemblies as Assemblies
    from cofire.sync._modes import Modes as Modes
    from cofire.sync._modes import assemblies as assemblies
    from cofire.sync._modes import modes as modes
    from cofire.sync._natural import NaturalNumber as NaturalNumber
    from cofire.sync._natural import natural_number as natural_number
    from cofire.sync._nulls import Null as Null
    from cofire.sync._nulls import circularly_shifted as circularly_shifted
    from cofire.sync._nulls import jittered as jittered
    from cofire.sync._nulls import phase_randomised as phase_randomised
    from cofire.sync._nulls import rate_matched_poisson as rate_matched_poisson
    from cofire.sync._nulls import shuffled as shuffled
    from cofire.sync._pairs import CrossCorrelation as CrossCorrelation
    from cofire.sync._pairs import correlation as correlation
    from cofire.sync._pairs import cross_correlation as cross_correlation
    from cofire.sync._pairs import inverse_mse as inverse_mse
    from cofire.sync._pairs import mean_pair as mean_pair
    from cofire.sync._pairs import strongest_pairs as strongest_pairs
    from cofire.sync._phase import Analytic as Analytic
    from cofire.sync._phase import analytic as analytic
    from cofire.sync._phase import band_coherence as band_coherence
    from cofire.sync._phase import kuramoto as kuramoto
    from cofire.sync._phase import phase_locking as phase_locking
    from cofire.sync._train_distances import isi_distance as isi_distance
    from cofire.sync._train_distances import spike_distance as spike_distance
    from cofire.sync._train_distances import spike_synchronisation as spike_synchronisation
    from cofire.sync._train_pairs import Correlogram as Correlogram
    from cofire.sync._train_pairs import count_correlation as count_correlation
    from cofire.sync._train_pairs import cross_correlogram as cross_correlogram
    from cofire.sync._train_pairs import tiling_coefficient as tiling_coefficient
    from cofire.sync._train_pairs import van_rossum as van_rossum
    from cofire.sync._trains import cv as cv
    from cofire.sync._trains import cv2 as cv2
    from cofire.sync._trains import fano_factor as fano_factor
    from cofire.sync._trains import intervals as intervals
    from cofire.sync._trains import lv as lv
    from cofire.sync._trains import spike_counts as spike_counts
    from cofire.sync._trains import spike_times as spike_times

# Where each public name lives, loaded on first use: a function that needs only NumPy costs only NumPy.
_MODULES: dict[str, tuple[str, ...]] = {
    "_avalanches": ("Avalanches", "Branching", "avalanches", "branching_ratio"),
    "_chance": (
        "Chance",
        "against_chance",
        "false_discovery",
        "mean_correlation",
    ),
    "_clusters": (
        "LINKAGES",
        "Clustering",
        "adjusted_rand",
        "cluster",
        "cosine_distance",
        "loud_distance",
        "silhouette",
    ),
    "_communities": (
        "leiden",
        "modularity",
        "spectral_communities",
    ),
    "_modes": (
        "Assemblies",
        "Modes",
        "assemblies",
        "modes",
    ),
    "_natural": (
        "NaturalNumber",
        "natural_number",
    ),
    "_nulls": (
        "Null",
        "circularly_shifted",
        "jittered",
        "phase_randomised",
        "rate_matched_poisson",
        "shuffled",
    ),
    "_cumulative": ("cumulative", "cumulative_stream", "decayed", "decayed_matrix", "windowed"),
    "_groups_over_time": ("MEASURES", "over_time", "within_clusters"),
    "_pairs": (
        "CrossCorrelation",
        "correlation",
        "cross_correlation",
        "inverse_mse",
        "mean_pair",
        "strongest_pairs",
    ),
    "_phase": ("Analytic", "analytic", "band_coherence", "kuramoto", "phase_locking"),
    "_train_distances": ("isi_distance", "spike_distance", "spike_synchronisation"),
    "_train_pairs": ("Correlogram", "count_correlation", "cross_correlogram", "tiling_coefficient", "van_rossum"),
    "_trains": ("cv", "cv2", "fano_factor", "intervals", "lv", "spike_counts", "spike_times"),
}
_NAMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"cofire.sync.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'cofire.sync' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
