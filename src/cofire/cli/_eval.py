"""`cofire eval`: look at the held-out examples again, with other ticks or with early stops."""

import json
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofire import checks
from cofire.cli._arguments import integer
from cofire.cli._halt import POLICIES, check, policy, stopped
from cofire.files import write_atomically

if TYPE_CHECKING:
    from cofire.train import Run
    from cofire.viz._run_evidence import RunEvidence

MOST_ROWS = 12  # of the table by tick


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "eval",
        description="Show a trained model all held-out examples: how much it gets right when it is most certain, at "
        "the last tick, and at every tick between.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    ticks = integer("--ticks", 1, 10**6)
    parser.add_argument("--ticks", type=ticks, metavar="N", help="of thought (as many as it was trained with)")
    policies = "; ".join(text for _, text in POLICIES.values())
    parser.add_argument("--halt", type=policy, metavar="POLICY", help=f"stop thinking early. {policies}")
    parser.add_argument("--batch-size", type=integer("--batch-size", 1, 10**6), metavar="N", help="(that of training)")
    parser.add_argument("--threads", type=integer("--threads", 1, 4096), metavar="N", help="to compute on (all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")


def run(arguments: Namespace) -> int:
    """Look, and say what was seen."""
    import torch

    from cofire.cli._report import look
    from cofire.train import load_run

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    trained = load_run(arguments.run)
    if trained.name == "control":
        return play(trained, arguments)
    if arguments.halt:
        check(trained, arguments.halt)
    begin = time.perf_counter()
    evidence = look(trained, arguments.batch_size, arguments.ticks)
    seconds = time.perf_counter() - begin
    found = numbers(evidence, seconds)
    if arguments.halt:
        size = arguments.batch_size or trained.config["train"]["test_batch_size"]
        found["halt"] = stopped(trained, evidence, arguments.halt, batch_size=size, ticks=arguments.ticks)
    print(told(found))
    write(found, arguments.json)
    return 0


def play(trained: "Run", arguments: Namespace) -> int:
    """Let an agent act in fixed episodes, and say what it has earned."""
    from cofire.random import Key
    from cofire.train.ppo import evaluate

    for name in ("ticks", "halt"):
        if getattr(arguments, name) is not None:
            fix = "train it with --set model.ticks=…" if name == "ticks" else "leave it away"
            raise checks.InvalidValue(checks.message(f"--{name}", "none for a run of control", "one", fix))
    key, episodes = Key.from_json(trained.config["key"]), trained.config["train"]["evaluation_episodes"]
    found: dict[str, Any] = {"run": str(trained.folder), "task": trained.name, "episodes": episodes}
    print(f"{trained.folder}: {episodes:,} fixed episodes of {trained.task!r}")
    for name, greedy in (("likeliest actions", True), ("drawn actions", False)):
        played = evaluate(trained.model, trained.task, key=key.fold("evaluation"), episodes=episodes, greedy=greedy)
        returns, lengths = played.returns, played.lengths
        print(f"{name:<20}return {returns.mean():.2f} ± {returns.std():.2f}, length {lengths.mean():.1f}")
        found[name.replace(" ", "_")] = {"returns": returns.tolist(), "lengths": lengths.tolist()}
    write(found, arguments.json)
    return 0


def write(found: dict[str, Any], path: Path | None) -> None:
    """Write the numbers, where that is wished."""
    if path:
        content = json.dumps(found, indent=1, allow_nan=False) + "\n"
        write_atomically(path, lambda file: file.write(content.encode()))


def numbers(evidence: "RunEvidence", seconds: float) -> dict[str, Any]:
    """Everything that is told, as JSON values."""
    last = evidence.scores_at(evidence.tick * 0 + evidence.ticks - 1)
    found = {
        "run": str(evidence.folder),
        "task": evidence.name,
        "examples": len(evidence.tick),
        "ticks": evidence.ticks,
        "seconds": round(seconds, 3),
        "at_the_last_tick": {name: float(score.mean()) for name, score in last.items()},
        "by_tick": {name: values.tolist() for name, values in evidence.scores_by_tick.items()},
        "certainty_by_tick": evidence.answers.certainty.mean(axis=0, dtype=float).tolist(),
    }
    if evidence.stops:
        found["thinking_time"] = float(evidence.tick.mean()) + 1
        found["when_most_certain"] = {name: float(score.mean()) for name, score in evidence.scores.items()}
    return found


def told(found: dict[str, Any]) -> str:
    """The numbers as a short table."""
    names = list(found["at_the_last_tick"])
    ticks = found["ticks"]
    lines = [
        f"{found['run']}: {found['examples']:,} held-out examples of {found['task']}, {ticks} ticks, "
        f"{found['seconds']:.1f} s",
        f"{'':<20}" + "".join(f"{name:>10}" for name in names) + f"{'ticks':>10}",
    ]
    if "when_most_certain" in found:
        lines.append(_row("when most certain", found["when_most_certain"], f"{found['thinking_time']:.1f}"))
    lines.append(_row("at the last tick", found["at_the_last_tick"], str(ticks)))
    if ticks > 1:
        certainty = found["certainty_by_tick"]
        lines += [f"{'after tick':<20}" + "".join(f"{name:>10}" for name in (*names, "certainty"))]
        for tick in shown(ticks):
            scores = {name: found["by_tick"][name][tick] for name in names}
            lines += [_row(f"{tick + 1}", scores, f"{certainty[tick]:.3f}")]
    return "\n".join([*lines, *(_told_of_halt(found["halt"]) if "halt" in found else ())])


def _told_of_halt(halt: dict[str, Any]) -> list[str]:
    """What stopping early saves, as a short table."""
    names = list(halt["scores"])
    rows = [
        ("full run", halt["full_scores"], f"{halt['full_ticks']:.1f}", halt["full_seconds"]),
        (halt["policy"], halt["scores"], f"{halt['ticks']:.1f}", halt["seconds"]),
    ]
    ticks, seconds = halt["full_ticks"] / halt["ticks"], halt["full_seconds"] / halt["seconds"]
    lost = round(100 * (halt["full_scores"][names[0]] - halt["scores"][names[0]]), 1) + 0.0  # never -0.0
    return [
        f"stopping early, on {halt['examples']:,} examples",
        f"{'':<20}" + "".join(f"{name:>10}" for name in names) + f"{'ticks':>10}{'seconds':>10}",
        *(_row(name, scores, used) + f"{time:>10.2f}" for name, scores, used, time in rows),
        f"{ticks:.1f}x fewer ticks, {seconds:.1f}x less time, {lost:.1f} points of {names[0]} lost",
    ]


def shown(ticks: int) -> list[int]:
    """The ticks that a short table shows: evenly spaced, the first and the last among them.

    >>> shown(5), shown(75)
    ([0, 1, 2, 3, 4], [0, 7, 13, 20, 27, 34, 40, 47, 54, 61, 67, 74])
    """
    rows = min(ticks, MOST_ROWS)
    return [round(place * (ticks - 1) / max(rows - 1, 1)) for place in range(rows)]


def _row(heading: str, scores: dict[str, float], last: str) -> str:
    return f"{heading:<20}" + "".join(f"{value:>10.1%}" for value in scores.values()) + f"{last:>10}"
