"""The model card: what a saved machine is, how it was trained, and how to load it, as Markdown."""

from collections.abc import Mapping
from typing import Any

from torch import nn

import cofire

# The facts that every card states, or says are missing.
FACTS = {
    "task": "Task",
    "seed": "Seed",
    "steps": "Training steps",
    "accuracy": "Accuracy on held-out examples",
    "control_accuracy": "Accuracy of a one-tick control trained the same way",
}
_MISSING = "not stated"


def model_card(model: nn.Module, facts: Mapping[str, Any]) -> str:
    """The text of `README.md` for a machine with a configuration that has `to_json`."""
    kind = type(model).__name__
    config: Any = model.config
    parameters = sum(one.numel() for one in model.parameters())
    rows = [(title, facts.get(name, _MISSING)) for name, title in FACTS.items()]
    rows += [(name.replace("_", " ").capitalize(), value) for name, value in facts.items() if name not in FACTS]
    rows += [("Parameters", f"{parameters:,}"), ("Written by", f"cofire {cofire.__version__}")]
    table = "\n".join(f"| {_cell(title)} | {_cell(value)} |" for title, value in rows)
    described = "\n".join(
        f"- {name}: `{_described(value)}`" for name, value in config.to_json().items() if name != "kind"
    )
    return f"""---
library_name: cofire
tags:
- continuous-thought-machine
---

# {kind}

| Fact | |
|---|---|
{table}

## Use

```python
import cofire

model = cofire.ctm.{kind}.load("the folder of this file")
thought = model(x)  # thought.logits, thought.certainty, thought.answer()
```

## Configuration

{described}
"""


def _described(value: Any) -> str:
    if isinstance(value, dict):
        fields = ", ".join(f"{name}={_described(one)}" for name, one in value.items() if name != "kind")
        return f"{value.get('kind', '')}({fields})"
    if isinstance(value, list):
        return f"({', '.join(_described(one) for one in value)})"
    return repr(value)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
