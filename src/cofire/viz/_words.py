"""Numbers as people read them."""

import math


def count(value: int) -> str:
    """A number of things.

    >>> count(212394)
    '212,394'
    """
    return f"{value:,}"


def counted(value: int, thing: str) -> str:
    """A number of things and what they are.

    >>> counted(1, "digit"), counted(1200, "digit")
    ('1 digit', '1,200 digits')
    """
    return f"{value:,} {thing}{'' if value == 1 else 's'}"


def times(value: int) -> str:
    """How often.

    >>> times(1), times(2), times(3)
    ('once', 'twice', '3 times')
    """
    return {1: "once", 2: "twice"}.get(value, f"{value:,} times")


def share(value: float) -> str:
    """A share in percent, to a tenth.

    >>> share(0.9843)
    '98.4%'
    """
    return f"{100 * value:.1f}%"


def duration(seconds: float) -> str:
    """A time as long as it needs.

    >>> duration(0.042), duration(8.25), duration(161.4), duration(7384)
    ('0.04 s', '8.2 s', '2 min 41 s', '2 h 3 min')
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def chance(p_value: float) -> str:
    """A p value, with no more digits than it deserves.

    >>> chance(0.0389), chance(2e-9)
    ('p = 0.039', 'p < 0.0001')
    """
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def near_one(threshold: float) -> str:
    """A threshold with as many digits as tell it from 1.

    >>> near_one(0.5), near_one(0.98765), near_one(0.9999713)
    ('0.50', '0.988', '0.999971')
    """
    from_one = max(1 - threshold, 1e-8)
    return f"{threshold:.{2 + math.floor(-math.log10(from_one))}f}"
