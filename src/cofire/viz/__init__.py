"""Figures, films and reports: what is drawn, and nothing that is measured. matplotlib is used here only.

Every `draw_*` function takes arrays (or a Recording) and an axis, draws, and returns the axis.
Everything is loaded on first use, so that asking for one figure does not load the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cofire import checks

if TYPE_CHECKING:
    from cofire.viz._accuracy import draw_accuracy as draw_accuracy
    from cofire.viz._accuracy import draw_certainty as draw_certainty
    from cofire.viz._accuracy import draw_errors as draw_errors
    from cofire.viz._accuracy import draw_mistakes as draw_mistakes
    from cofire.viz._audit import audit_page as audit_page
    from cofire.viz._audit import draw_avalanche as draw_avalanche
    from cofire.viz._audit import draw_noise_correlations as draw_noise_correlations
    from cofire.viz._audit import draw_noise_eigenvalues as draw_noise_eigenvalues
    from cofire.viz._audit import draw_noise_lags as draw_noise_lags
    from cofire.viz._audit import draw_noise_rhythm as draw_noise_rhythm
    from cofire.viz._evidence import RunFacts as RunFacts
    from cofire.viz._evidence import ThinkingEvidence as ThinkingEvidence
    from cofire.viz._film import Walk as Walk
    from cofire.viz._film import attention_centres as attention_centres
    from cofire.viz._film import attention_map as attention_map
    from cofire.viz._film import film_frames as film_frames
    from cofire.viz._film import write_gif as write_gif
    from cofire.viz._halting import WorkingPoint as WorkingPoint
    from cofire.viz._halting import draw_halting as draw_halting
    from cofire.viz._inside import draw_activity as draw_activity
    from cofire.viz._inside import draw_decays as draw_decays
    from cofire.viz._inside import draw_synchronisation as draw_synchronisation
    from cofire.viz._inside import draw_traces as draw_traces
    from cofire.viz._inside import liveliest as liveliest
    from cofire.viz._reliability import draw_confusion as draw_confusion
    from cofire.viz._reliability import draw_reliability as draw_reliability
    from cofire.viz._stopping import Extremes as Extremes
    from cofire.viz._stopping import draw_images as draw_images
    from cofire.viz._stopping import draw_stopping as draw_stopping
    from cofire.viz._stopping import draw_thinking_time as draw_thinking_time
    from cofire.viz._stopping import easy_and_hard as easy_and_hard
    from cofire.viz._style import DARK as DARK
    from cofire.viz._style import LIGHT as LIGHT
    from cofire.viz._style import Theme as Theme
    from cofire.viz._style import paint as paint
    from cofire.viz._style import paint_axis as paint_axis
    from cofire.viz._sync_activity import draw_heat_map as draw_heat_map
    from cofire.viz._sync_activity import draw_measures as draw_measures
    from cofire.viz._sync_activity import draw_raster as draw_raster
    from cofire.viz._sync_activity import draw_spectra as draw_spectra
    from cofire.viz._sync_activity import draw_strongest_pairs as draw_strongest_pairs
    from cofire.viz._sync_findings import Synchrony as Synchrony
    from cofire.viz._sync_groups import draw_assemblies as draw_assemblies
    from cofire.viz._sync_groups import draw_cluster_traces as draw_cluster_traces
    from cofire.viz._sync_groups import draw_dendrogram as draw_dendrogram
    from cofire.viz._sync_groups import draw_evolution as draw_evolution
    from cofire.viz._sync_groups import draw_natural_number as draw_natural_number
    from cofire.viz._sync_groups import draw_synchrony as draw_synchrony
    from cofire.viz._sync_groups import draw_weights as draw_weights
    from cofire.viz._sync_report import synchrony_page as synchrony_page
    from cofire.viz._sync_report import synchrony_sections as synchrony_sections
    from cofire.viz._sync_report import write_synchrony_report as write_synchrony_report
    from cofire.viz._thinking import write_thinking_report as write_thinking_report
    from cofire.viz._training import draw_training as draw_training

# Where each public name lives: one line per module, extended as figures are added.
_MODULES: dict[str, tuple[str, ...]] = {
    "_accuracy": ("draw_accuracy", "draw_certainty", "draw_errors", "draw_mistakes"),
    "_audit": (
        "audit_page",
        "draw_avalanche",
        "draw_noise_correlations",
        "draw_noise_eigenvalues",
        "draw_noise_lags",
        "draw_noise_rhythm",
    ),
    "_evidence": ("RunFacts", "ThinkingEvidence"),
    "_halting": ("WorkingPoint", "draw_halting"),
    "_inside": ("draw_activity", "draw_decays", "draw_synchronisation", "draw_traces", "liveliest"),
    "_reliability": ("draw_confusion", "draw_reliability"),
    "_stopping": ("Extremes", "draw_images", "draw_stopping", "draw_thinking_time", "easy_and_hard"),
    "_film": ("Walk", "attention_centres", "attention_map", "film_frames", "write_gif"),
    "_thinking": ("write_thinking_report",),
    "_sync_activity": ("draw_heat_map", "draw_measures", "draw_raster", "draw_spectra", "draw_strongest_pairs"),
    "_sync_findings": ("Synchrony",),
    "_sync_groups": (
        "draw_assemblies",
        "draw_cluster_traces",
        "draw_dendrogram",
        "draw_evolution",
        "draw_natural_number",
        "draw_synchrony",
        "draw_weights",
    ),
    "_sync_report": ("synchrony_page", "synchrony_sections", "write_synchrony_report"),
    "_training": ("draw_training",),
    "_style": ("DARK", "LIGHT", "Theme", "paint", "paint_axis"),
}
_NAMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'cofire.viz' has no attribute {name!r}; it has {', '.join(__all__)}")
    try:
        module = import_module(f"cofire.viz.{_NAMES[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("matplotlib", "PIL"):
            raise
        text = checks.message(f"cofire.viz.{name}", "matplotlib", "none installed", "pip install 'cofire[viz]'")
        raise checks.MissingExtra(text) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return list(__all__)
