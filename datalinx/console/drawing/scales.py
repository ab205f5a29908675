"""Axes: round numbers between two ends, and numbers short enough to stand at a tick."""

import math

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
# Below this floats have no digits left to divide.
SMALLEST_SPAN = 1e-200
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return about `count` round numbers from at most `low` to at least `high`, evenly spaced."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return [0.0, 1.0]
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # All values are the same, as far as can be drawn: the axis reaches from zero to it.
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < SMALLEST_SPAN:
        low, high = 0.0, 1.0
    rough = (high - low) / max(1, count)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next((each * magnitude for each in _STEPS if each * magnitude >= rough * 0.999), 10.0 * magnitude)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def short_number(value: float) -> str:
    """Return a number such as `1.2k`, `340` or `0.05`."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    for unit, letter in _UNITS:
        if size >= unit * 0.9995:
            return _trim(value / unit, 1) + letter
    return _trim(value, 0 if size >= 100 else 2 if size >= 0.1 or size == 0 else 4)


def _trim(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text.replace("-", "−")
