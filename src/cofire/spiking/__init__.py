"""Networks that spike: free-running networks in discrete ticks, their wiring and stimulation."""

from cofire.spiking._components import Components as Components
from cofire.spiking._components import components as components
from cofire.spiking._components import connectivity_threshold as connectivity_threshold
from cofire.spiking._draw import draw_free_running as draw_free_running
from cofire.spiking._free_running import FreeRunning as FreeRunning
from cofire.spiking._free_running import FreeRunningState as FreeRunningState
from cofire.spiking._free_running import run_many as run_many
from cofire.spiking._wiring import Wiring as Wiring
from cofire.spiking._wiring import distance_wiring as distance_wiring
from cofire.spiking._wiring import modular_wiring as modular_wiring
from cofire.spiking._wiring import most_connected as most_connected
from cofire.spiking._wiring import random_wiring as random_wiring
from cofire.spiking._wiring import scale_free_wiring as scale_free_wiring
from cofire.spiking._wiring import scale_spectral_radius as scale_spectral_radius
from cofire.spiking._wiring import sinusoidal_wiring as sinusoidal_wiring
from cofire.spiking._wiring import small_world_wiring as small_world_wiring
from cofire.spiking._wiring import spectral_radius as spectral_radius

__all__ = [
    "Components",
    "FreeRunning",
    "FreeRunningState",
    "Wiring",
    "components",
    "connectivity_threshold",
    "distance_wiring",
    "draw_free_running",
    "modular_wiring",
    "most_connected",
    "random_wiring",
    "run_many",
    "scale_free_wiring",
    "scale_spectral_radius",
    "sinusoidal_wiring",
    "small_world_wiring",
    "spectral_radius",
]
