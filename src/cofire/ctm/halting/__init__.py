"""When to stop thinking: policies, their calibration, and what they save.

`model.think(x, halt=policy)` asks the policy after every tick which samples stop; those leave the batch, and the work
goes on for the others only. A policy is one of the classes here, or any function of `Seen` that says which stop:

    from cofire.ctm import halting

    thought = model.think(x, halt=halting.Certainty(0.9))
    thought = model.think(x, halt=lambda seen: seen.certainty > 0.9)

`thought.ticks` (B,) says how long each sample thought; `thought.answer()` is that of the full run cut there.
"""

from cofire.ctm.halting._budget import Budget as Budget
from cofire.ctm.halting._calibrated import Calibrated as Calibrated
from cofire.ctm.halting._calibrated import allowance as allowance
from cofire.ctm.halting._calibrated import calibrate as calibrate
from cofire.ctm.halting._front import Curve as Curve
from cofire.ctm.halting._front import Front as Front
from cofire.ctm.halting._front import front as front
from cofire.ctm.halting._policy import Policy as Policy
from cofire.ctm.halting._policy import Seen as Seen
from cofire.ctm.halting._replay import cut as cut
from cofire.ctm.halting._replay import replay as replay
from cofire.ctm.halting._replay import rightness as rightness
from cofire.ctm.halting._rules import Certainty as Certainty
from cofire.ctm.halting._rules import EnergyMinimum as EnergyMinimum
from cofire.ctm.halting._rules import Patience as Patience
from cofire.ctm.halting._rules import Plateau as Plateau
