"""What happened in a training run: a file of JSON lines, and MLflow beside it where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

LOG = "run.jsonl"
EXPERIMENT = "undervoice"
"""The MLflow experiment that runs are put into."""


class RunLog:
    """A run's log in its folder: ``run.jsonl``, one object a line with ``time`` (UTC), ``event`` and its fields.

    Every line is on disk before the call returns, and a run that is continued writes on. Neither audio nor arrays are
    written, and the home folder is written as ``~``. MLflow gets the parameters and metrics too, where it is installed:
    in ``MLFLOW_TRACKING_URI`` where that is set, else in ``mlflow.db`` in the run's folder and nowhere beyond this
    machine. What goes wrong there is said once and never stops a run.

    As a context manager it ends with ``finished``, or with ``failed`` and the error.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / LOG).open("a+", encoding="utf-8")
        if ends_within_a_line(folder / LOG):
            self._file.write("\n")
        self._mirror: Mirror | None = None
        try:
            self._mirror = open_mirror(folder)
        except Exception as error:  # whatever another package does, training goes on
            self.event("mlflow_lost", error=describe(error))

    def event(self, event: str, /, **fields: object) -> None:
        """Write one line.

        Raises:
            TypeError: a field that is neither text, number, path, None nor made of those.
        """
        stamp = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        self._file.write(json.dumps(stamp | plain(fields) | stamp, ensure_ascii=False) + "\n")
        self._file.flush()

    def params(self, params: Mapping[str, object]) -> None:
        """Write the settings of the run."""
        self.event("params", params=params)
        self._reflect("log_param", {name: (value,) for name, value in leaves(plain(params))})

    def metrics(self, metrics: Mapping[str, object], step: int | None = None) -> None:
        """Write figures, at a ``step`` such as an epoch; nested ones are called ``recall.angry`` in MLflow."""
        self.event("metrics", **({} if step is None else {"step": step}), metrics=metrics)
        numbers = {name: value for name, value in leaves(plain(metrics)) if isinstance(value, int | float)}
        self._reflect("log_metric", {name: (float(value), None, step) for name, value in numbers.items()})

    def close(self, status: str = "FINISHED") -> None:
        """Close the file and MLflow's run, with one of MLflow's statuses; more than once does no harm."""
        if not self._file.closed:
            self._reflect("end", {status: ()})
            self._file.close()

    def _reflect(self, verb: str, entries: Mapping[str, tuple[object, ...]]) -> None:
        """Tell MLflow; after the first failure no more."""
        if self._mirror is None:
            return
        try:
            for name, values in entries.items():
                self._mirror.tell(verb, name, *values)
        except Exception as error:  # whatever another package does, training goes on
            self._mirror = None
            self.event("mlflow_lost", error=describe(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.event("finished")
        else:
            self.event("failed", error=describe(error))
        stopped = isinstance(error, KeyboardInterrupt)
        self.close("FINISHED" if error is None else "KILLED" if stopped else "FAILED")


class Mirror:
    """One run of MLflow's, told through its client so that no global state of the package changes."""

    def __init__(self, client: Any, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def tell(self, verb: str, name: str, *values: object) -> None:
        """Log one parameter or metric, or end the run with a status."""
        if verb == "end":
            self.client.set_terminated(self.run_id, status=name)
        else:
            # MLflow takes letters, digits and a few signs; a label of one's own may hold others.
            getattr(self.client, verb)(self.run_id, re.sub(r"[^\w./ -]", "_", name), *values)


def open_mirror(folder: Path) -> Mirror | None:
    """Begin a run in MLflow, or return None where it is not installed."""
    if importlib.util.find_spec("mlflow") is None:
        return None
    # MLflow reports its use to its makers unless told not to; a training run talks to nobody by itself.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = importlib.import_module("mlflow")
    local = not os.environ.get("MLFLOW_TRACKING_URI")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{(folder / 'mlflow.db').resolve()}" if local else None)
    found = client.get_experiment_by_name(EXPERIMENT)
    place = (folder / "artifacts").resolve().as_uri() if local else None
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT, artifact_location=place)
    run = client.create_run(experiment, run_name=folder.resolve().name)
    return Mirror(client, run.info.run_id)


def ends_within_a_line(file: Path) -> bool:
    """Return whether a file's last line was cut off, as by a machine that lost its power."""
    content = file.read_bytes()
    return bool(content) and not content.endswith(b"\n")


def describe(error: BaseException) -> str:
    """Return an error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def plain(value: object) -> Any:
    """Return a value as JSON knows it: numbers that are none become None, the home folder ``~``.

    Raises:
        TypeError: anything else, above all arrays: they may be somebody's voice.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | Path):
        return hide_home(str(value))
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (value if isinstance(value, list | tuple) else sorted(value))]
    raise TypeError(f"a run's log takes no {type(value).__name__}")


def hide_home(text: str) -> str:
    """Return text with the home folder written as ``~``: logs are passed on, user names need not be."""
    home = str(Path.home())
    return re.sub(rf"{re.escape(home)}(?=/|$)", "~", text) if len(home) > 1 else text


def leaves(value: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a nested mapping holds at its ends, names joined by dots."""
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from leaves(item, f"{under}{name}.")
        else:
            yield f"{under}{name}", item
