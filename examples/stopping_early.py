"""A machine that stops when it is sure: policies beside the full run, and one thought that goes on tick by tick.

    python examples/stopping_early.py [RUN]

RUN is the folder of a run whose answers are classes, such as runs/demo, which `make demo` leaves behind. Without one, a
smaller machine learns handwritten digits for a few seconds first; it is right less often than that of the demo.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from cofire.ctm import halting
from cofire.train import Run, load_run
from cofire.train.presets import Setup, find_preset

SHORT = {"steps": 150, "average": 0.9, "task.warp": None, "model.ticks": 10}


def find_run() -> Run:
    """The run that was asked for, or a new one."""
    if len(sys.argv) > 1:
        return load_run(sys.argv[1])
    with TemporaryDirectory() as folder:
        Setup.of(find_preset("digits", "small")).change(SHORT).start(Path(folder) / "run")
        return load_run(Path(folder) / "run")


run = find_run()
model, examples = run.model.eval(), run.task.test(np.arange(run.task.test_size))
half = len(examples.targets) // 2
with torch.no_grad():
    known = model(examples.inputs[:half])  # the full run over one half: there a confidence is calibrated
right = halting.rightness(known.logits, examples.targets[:half])
sure = halting.calibrate(known, right, loss=0.002)
images, labels = examples.inputs[half:], examples.targets[half:]  # measured on the others

print(f"{len(labels)} images, at most {model.config.ticks} ticks for each\n")
print(f"{'stops':34} right  mean ticks")
for name, policy in {
    "never": None,
    "when certain to 0.9": halting.Certainty(0.9),
    "when the answer stays for 3 ticks": halting.Patience(3),
    "when a calibrated confidence says so": sure,
    "all together after 5 ticks each": halting.Budget(5 * len(labels), sure),
    "by a rule of one's own": lambda seen: seen.certainty > 0.5 + 0.4 / seen.tick,
}.items():
    thought = model.think(images, halt=policy)
    correct = (thought.answer().argmax(1) == labels).float().mean()
    print(f"{name:36}{100 * correct:5.1f}%{thought.ticks.float().mean():9.1f}")

print(f"\nOne image of a {labels[0]}, tick by tick, until the confidence is {sure.threshold:.4f}:")
for tick, said in enumerate(model.thinking(images[:1]), start=1):
    confidence = sure.confidence(said.logits).item()
    print(f"  tick {tick:2}: a {said.logits.argmax(1).item()}, confident to {confidence:.4f}")
    if confidence >= sure.threshold:
        break
