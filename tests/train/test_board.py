"""Scalars for TensorBoard, read back from its event files."""

import signal
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cofire.checks import MissingExtra
from cofire.train import Interrupted, TensorBoard, read_metrics
from tests.train.stand_in import CONFIG, Stripes, run


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    reader = EventAccumulator(str(folder))
    reader.Reload()
    return {name: [(one.step, one.value) for one in reader.Scalars(name)] for name in reader.Tags()["scalars"]}


def test_it_holds_what_the_run_told_once_even_where_the_run_was_interrupted(tmp_path: Path):
    def stop(position: int) -> None:
        if position == 6 * CONFIG.batch_size:
            signal.raise_signal(signal.SIGINT)

    seen = []
    board = tmp_path / "board"
    with pytest.raises(Interrupted, match="after step 7"):
        run(tmp_path / "run", task=Stripes(when=stop), on_event=TensorBoard(board))
    (checkpoint,) = (tmp_path / "run" / "checkpoint").glob("step-00000007")
    for file in checkpoint.iterdir():
        file.unlink()
    checkpoint.rmdir()  # as if it had been killed: steps 6 and 7 are made, and told, again
    run(tmp_path / "run", resume=True, on_event=TensorBoard(board, also=seen.append))
    found = scalars(board)
    assert set(found) == {
        *(f"train/{name}" for name in ("loss", "gradient_norm", "accuracy", "learning_rate", "steps_per_second")),
        *(f"test/{name}" for name in ("loss", "accuracy")),
    }
    metrics = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [step for step, _ in found["train/loss"]] == [3, 4, 5, 6, 8, 9, 10, 12]
    assert [step for step, _ in found["test/accuracy"]] == [4, 8, 12]
    for step, value in found["test/loss"]:
        assert value == pytest.approx(metrics["test_loss"][step - 1], rel=1e-5)
    for step, value in found["train/learning_rate"]:
        assert value == pytest.approx(CONFIG.learning_rate_at(step), rel=1e-5)
    assert dict(found["train/loss"])[3] == pytest.approx(metrics["loss"][:3].mean(), rel=1e-5)
    assert type(seen[-1]).__name__ == "Finished"


def test_without_its_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith(("torch.utils.tensorboard", "tensorboard."))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r"TensorBoard: wanted the package tensorboard.*'cofire\[tensorboard\]'"):
        TensorBoard(tmp_path)
