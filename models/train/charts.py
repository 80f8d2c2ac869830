"""Charts of an evaluation as PNG: confusion matrix, calibration curve, accuracy against coverage.

Each is drawn on a figure of its own, with Agg and without pyplot: nothing is kept between charts.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .calibration import Bin
from .metrics import Figures, Point

DPI = 150
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#595959"
"""Okabe and Ito's blue and vermilion, and a grey that keeps 7:1 on white."""
PALETTE = "Blues"
"""One hue from light to dark: the same order to all eyes, and on paper."""


def to_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    # No software name: the same figures give the same bytes.
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def panel(title: str, across: str, up: str, size: tuple[float, float] = (5.2, 4.6)) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of named axes."""
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=12)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def confusion_chart(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str) -> bytes:
    """Return a chart of ``[meant][heard]`` counts, coloured by each row's shares."""
    table = np.array(counts, float)
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    size = 2.6 + 0.62 * len(labels)
    figure, axes = panel(title, "heard", "meant", (size + 0.6, size))
    image = axes.imshow(shares, cmap=PALETTE, vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.spines[:].set_visible(False)
    for (row, column), share in np.ndenumerate(shares):
        ink = "white" if share > 0.55 else "black"
        axes.text(column, row, f"{table[row, column]:.0f}", ha="center", va="center", color=ink, fontsize=8)
    figure.colorbar(image, ax=axes, label="share of the clips meant so", shrink=0.8)
    return to_png(figure)


def calibration_chart(bins: Sequence[Bin], title: str) -> bytes:
    """Return a chart of accuracy over certainty; dots are as large as their bins are full."""
    figure, axes = panel(title, "how sure the model was", "how often it was right")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as right as sure")
    sure, right = [each["certainty"] for each in bins], [each["accuracy"] for each in bins]
    most = max(each["count"] for each in bins)
    axes.plot(sure, right, color=BLUE, linewidth=1.5, label="this model")
    axes.scatter(sure, right, [12 + 150 * each["count"] / most for each in bins], color=BLUE, alpha=0.75)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(frameon=False, loc="upper left")
    return to_png(figure)


def risk_chart(points: Sequence[Point], threshold: Point | None, title: str) -> bytes:
    """Return a chart of the accuracy where only the most certain clips are answered."""
    figure, axes = panel(title, "share of clips answered, the most certain first", "accuracy on them")
    shares, right = [point["coverage"] for point in points], [point["accuracy"] for point in points]
    axes.plot(shares, right, color=BLUE, linewidth=1.5, marker=".", label="this model")
    if threshold:
        at = ([threshold["coverage"]], [threshold["accuracy"]])
        axes.plot(*at, color=VERMILION, marker="D", linestyle="none", label='where it says "unsure" to the rest')
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, loc="lower left")
    return to_png(figure)


def draw_all(figures: Figures, labels: Sequence[str], name: str) -> dict[str, bytes]:
    """Return the charts of an evaluation by their names: ``confusion``, ``calibration`` and ``risk``."""
    return {
        "confusion": confusion_chart(figures["confusion"], labels, f"{name}: meant and heard"),
        "calibration": calibration_chart(figures["reliability"], f"{name}: calibration"),
        "risk": risk_chart(figures["risk_coverage"], figures["at_threshold"], f"{name}: accuracy against coverage"),
    }
