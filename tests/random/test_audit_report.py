"""What the report says, draws and writes, and what cannot be audited."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from cofire.random import Key, audit, audit_bits, philox
from cofire.recording import Recording
from tests.random import audit_faults

SOUND = audit_faults.independent(300, 6)


@pytest.fixture(scope="module")
def coupled():
    noise = audit_faults.independent(600, 10)
    noise[:, 3] = noise[:, 8]
    noise[20:, 5] = noise[:-20, 1]
    return audit(noise)


def test_verdict_and_text(coupled):
    assert coupled.verdict == (
        "COUPLED: duplicated unit: 1 group of units are copies of each other (3 = 8) (and 1 more finding)"
    )
    text = str(coupled)
    assert "counter overlap: 5 repeats 1 at lag 20" in text
    assert "remedy: two units have the same seed, key or counter" in text
    assert "values: 10 units, 600 steps" in text
    table = coupled.table().splitlines()
    assert sum(line.startswith("!") for line in table) == sum(check.found for check in coupled.checks)
    for check in coupled.checks:
        assert (check.adjusted < 0.01) == check.found
        assert check.adjusted >= check.p_value


def test_measured_values_stay_within_the_edge_of_sound_noise():
    report = audit(SOUND)
    assert report.coupled is False
    assert report.invariant is None
    for check in report.checks:
        assert check.measured <= check.edge, check


def test_json_is_plain_and_complete(coupled):
    document = coupled.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["coupled"] is True
    assert document["invariant"] is None
    assert [cause["name"] for cause in document["causes"]] == ["duplicated unit", "counter overlap"]
    assert document["causes"][1]["place"] == {"pairs": [["1", "5"]], "count": 1, "lag": 20, "lags": [20]}
    assert {"name", "asks", "measured", "edge", "p_value", "adjusted", "place", "found"} == set(document["checks"][0])
    callable_report = audit(lambda step: Key(1).normal(4, step=step), steps=150).to_json()
    assert callable_report["conditions"][0]["name"] == "order of calls"
    assert json.dumps(audit_bits(philox).to_json(), allow_nan=False)


def texts(figure: Figure) -> str:
    said = [text.get_text() for text in figure.texts]
    for axis in figure.axes:
        said += [axis.get_title(loc="left"), axis.get_xlabel(), axis.get_ylabel()]
        said += [text.get_text() for text in axis.texts]
    return " | ".join(said)


def test_page_shows_four_panels_with_their_edges(coupled, tmp_path):
    figure = coupled.figure()
    said = texts(figure)
    assert "COUPLED" in said
    assert "counter overlap: 5 repeats 1 at lag 20" in said
    panels = [axis for axis in figure.axes if axis.get_title(loc="left")]
    titles = [axis.get_title(loc="left") for axis in panels]
    assert [one.split(",")[0].split(" of")[0] for one in titles] == [
        "Correlation",
        "Eigenvalues",
        "Lagged correlation",
        "Spectrum",
    ]
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in panels)
    assert "1 pair beyond |r| =" in said
    assert "lag 20" in said
    ringed = panels[0].lines[0].get_xydata()  # pyright: ignore[reportAttributeAccessIssue]
    assert np.asarray(ringed).tolist() == [[8, 3], [3, 8]]
    edge = panels[2].lines[-2].get_ydata()  # the dashed line, drawn before the ring at the peak
    assert np.asarray(edge)[0] == pytest.approx(coupled.pictures["lag edge"])
    figure.savefig(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes()[1:4] == b"PNG"


def test_pages_of_every_kind_are_drawn(tmp_path):
    reports = [
        audit_bits(philox),
        audit(audit_faults.trains(Key(1), "poisson", 600, 6)),
        audit(np.ones((200, 3))),  # nothing to draw but the verdict
        audit(audit_faults.broadcast(300, 8)),
        audit(audit_faults.rhythmic(3000, 20)),
        audit(lambda step: audit_faults.generator(3).standard_normal(5) * step, steps=120),
    ]
    for report in reports:
        report.figure().savefig(tmp_path / "page.svg")
        assert report.verdict.partition(": ")[0] in texts(report.figure())


def test_recordings_and_mappings_are_audited_by_variable():
    key = Key(2)
    voltage, current = key.normal((400, 5)), key.fold("i").normal((400, 5))
    recording = Recording({"voltage": voltage, "current": current, "spike": voltage > 2})
    assert audit(recording, traces=["voltage", "current"]).causes == []
    assert audit(recording, traces=["spike"]).subject == "spikes of spike: 5 units, 400 steps"
    copied = audit({"voltage": voltage, "current": voltage[:, ::-1]})
    assert copied.causes[0].name == "shared draw between variables"
    assert copied.causes[0].place["groups"][0] == ["voltage[0]", "current[4]"]
    with pytest.raises(ValueError, match="only spikes or only values"):
        audit(recording)


WRONG = {
    "not a number": (np.where(np.eye(300, 6) > 0, np.nan, SOUND), "finite numbers, got nan at index"),
    "infinite": (np.where(np.eye(300, 6) > 0, np.inf, SOUND), "finite numbers, got inf at index"),
    "empty": (np.zeros((0, 4)), "at least one number, got an empty array"),
    "no units": (np.zeros((200, 0)), "at least one number, got an empty array"),
    "one unit": (SOUND[:, :1], "at least 2 units, got 1 unit"),
    "one axis": (SOUND[:, 0], r"wanted an array \(steps, units\), got shape"),
    "few steps": (SOUND[:50], "at least 100 steps, got 50 steps"),
    "complex": (SOUND + 1j, "real numbers or booleans, got dtype complex"),
    "words": (np.full((200, 3), "a"), "real numbers or booleans, got dtype <U1"),
    "objects": (np.full((200, 3), None), "real numbers or booleans, got dtype object"),
    "nothing": ({}, "at least one array, got an empty mapping"),
    "lengths": ({"a": SOUND, "b": SOUND[:200]}, "the same number of steps in all"),
    "number": (lambda step: 3.0, r"wanted an array \(units,\), got shape \(\) at step 0"),
    "changing": (lambda step: np.zeros(3 + (step > 5)), r"shape \(3,\) at every step, got shape \(4,\) at step 6"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_bad_noise_is_refused_in_words(name):
    noise, words = WRONG[name]
    with pytest.raises((ValueError, TypeError), match=words):
        audit(noise, steps=150)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"false_alarms": 0}, "false_alarms: wanted a finite number above 0"),
        ({"false_alarms": np.nan}, "false_alarms: wanted a finite number"),
        ({"steps": 0}, "steps: wanted an integer of at least 1"),
        ({"white": "yes"}, "white: wanted bool"),
        ({"distribution": "gamma"}, "one of 'normal', 'uniform', got 'gamma'"),
        ({"distribution": "gamma", "white": False}, "one of 'normal', 'uniform', got 'gamma'"),
        ({"traces": ["a"]}, "traces: wanted none for a single array"),
    ],
)
def test_bad_settings_are_refused_in_words(settings, words):
    with pytest.raises((ValueError, TypeError), match=words):
        audit(SOUND, **settings)
