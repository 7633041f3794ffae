"""As much of the package ray as a sweep uses, carried out here and now: what the real one would be asked, and says."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


class RayError(Exception):
    """What is raised for a worker that died."""


class StandIn(ModuleType):
    """A cluster that has room for one task at a time. asked: what each function of it was given."""

    def __init__(self, *, unreachable: bool = False, dies: int | None = None):
        super().__init__("ray")
        self.exceptions: Any = ModuleType("ray.exceptions")
        self.exceptions.RayError = RayError
        self.asked: list[tuple[str, Any]] = []
        self._unreachable, self._dies = unreachable, dies
        self._tasks: list[Callable[[], Any]] = []

    def init(self, **options: Any) -> None:
        self.asked.append(("init", options))
        if self._unreachable:
            raise ConnectionError("Could not find any running Ray instance.")

    def remote(self, **needs: Any) -> Callable[[Callable[..., Any]], Any]:
        self.asked.append(("remote", needs))

        def wrap(function: Callable[..., Any]) -> Any:
            wrapped: Any = ModuleType("wrapped")

            def start(*arguments: Any) -> int:
                self._tasks.append(lambda: function(*arguments))
                return len(self._tasks) - 1

            wrapped.remote = start
            return wrapped

        return wrap

    def wait(self, waiting: list[int]) -> tuple[list[int], list[int]]:
        return waiting[-1:], waiting[:-1]  # in another order than they were given

    def get(self, task: int) -> Any:
        if task == self._dies:
            raise RayError("The worker died unexpectedly.\nMore about it.")
        return self._tasks[task]()

    def shutdown(self) -> None:
        self.asked.append(("shutdown", None))


def installed(monkeypatch: pytest.MonkeyPatch, **options: Any) -> StandIn:
    """Return one that `import ray` finds."""
    ray = StandIn(**options)
    monkeypatch.setitem(sys.modules, "ray", ray)
    return ray
