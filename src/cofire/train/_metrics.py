"""`metrics.csv`: one row per step, that of a step written once, whatever interruptions there were."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cofire import checks
from cofire.files import write_atomically


class MetricsFile:
    """Rows are added behind those of the first `step` steps; later ones, left by a run that was killed, are dropped."""

    def __init__(self, path: Path, step: int):
        self._path = path
        self._header = _keep_until(path, step)
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, lineterminator="\n")

    def add(self, row: Mapping[str, float | int | None]) -> None:
        """Write a row; the first one names the columns. None leaves a field empty."""
        if self._header is None:
            self._header = list(row)
            self._writer.writerow(self._header)
        if list(row) != self._header:
            wanted, got = ", ".join(self._header), ", ".join(row)
            raise checks.InvalidValue(checks.message(str(self._path), f"columns {wanted}", got, "begin a new run"))
        self._writer.writerow([_text(value) for value in row.values()])

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._file.flush()

    def sync(self) -> None:
        """Make what was written last through a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write the rest and close the file."""
        self._file.close()


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a metrics file as float64 arrays; an empty field is NaN."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        table = np.array([[float(field or "nan") for field in row] for row in rows]).reshape(-1, len(header))
    except (OSError, ValueError) as problem:
        raise checks.FileProblem(checks.message(str(path), "the metrics of a run", str(problem))) from problem
    return {name: table[:, column] for column, name in enumerate(header)}


def _keep_until(path: Path, step: int) -> list[str] | None:
    """Cut a metrics file behind the rows of the first `step` steps; return its columns, None where it has none."""
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]  # the last may be torn
    kept = whole[:1] + [line for line in whole[1:] if int(line.split(",", 1)[0]) <= step]
    if kept != lines:
        write_atomically(path, lambda file: file.write("".join(kept).encode()))
    return kept[0].rstrip("\n").split(",") if kept else None


def _text(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"
