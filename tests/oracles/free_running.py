"""A free-running network written as its definition reads: dense products, one line per step of a tick."""

import numpy as np


def run(config: dict, ticks: int, kick, drive=None) -> dict[str, np.ndarray]:
    """Activation, spike, output and threshold at every tick."""
    cut = config["weight_threshold"]
    W, Wo = (np.where(np.abs(w) >= cut, w, 0.0) for w in (config["weights"], config["output_weights"]))
    theta, P, R, p = (config[k] for k in ("thresholds", "refraction_period", "threshold_range", "threshold_period"))
    la, lr = config["activation_leak"], config["refraction_leak"]
    a, f, c, o, current = np.zeros(len(W)), np.zeros(len(W)), np.zeros(len(W), int), np.zeros(Wo.shape[1]), theta
    a[kick] = np.clip(a[kick] + 1, 0, 1)
    traces = {"activation": [], "spike": [], "output": [], "threshold": []}
    for t in range(ticks):
        if drive is not None:
            a = np.clip(a + drive[t], 0, 1)
        can = c == 0 if config["refraction"] else np.full(len(W), True)
        moved = (np.tanh(a + W.T @ f) + 1) / 2 if config["tanh"] else np.clip(a + W.T @ f, 0, 1)
        new = np.where(can, moved, a)
        fires = can & (new >= current)
        if config["refraction"]:
            refractory = c > 0
            c = np.where(fires, P, c)
            new = np.where(refractory, lr * new, new)
        else:
            new = np.where(fires, 0.0, new)
        traces["threshold"].append(current)
        wave = R * np.sin(2 * np.pi * t / np.where(p > 0, p, 1))
        current = np.where(p > 0, np.clip(theta + wave, 0, 1), current)
        o = np.clip(lr * o + Wo.T @ fires, 0, 1)
        a = la * new
        c = np.maximum(0, c - 1)
        f = fires.astype(float)
        for name, value in (("activation", a), ("spike", fires), ("output", o)):
            traces[name].append(value)
    return {name: np.array(rows) for name, rows in traces.items()}
