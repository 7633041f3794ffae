"""The eight symmetries of the square: what they do to a picture, and to the actions of a route through it.

Symmetry g, from 0 to 7, transposes where its first bit is set, then mirrors left and right where the second is, then
top and bottom where the third is. Turning a picture by a quarter either way with probability 1/2, mirroring it left
and right with probability 1/2, and top and bottom with probability 1/2, makes all eight equally likely.
"""

from functools import cache

import numpy as np

SYMMETRIES = 8
ACTIONS = {(-1, 0): 0, (1, 0): 1, (0, -1): 2, (0, 1): 3}  # rows and columns moved by up, down, left, right
WAIT = 4


@cache
def sources(size: int) -> np.ndarray:
    """Which pixel of a square picture each pixel comes from under each symmetry, int64 (8, size * size).

    >>> sources(2)[[0, 1, 2, 4]].tolist()
    [[0, 1, 2, 3], [0, 2, 1, 3], [1, 0, 3, 2], [2, 3, 0, 1]]
    """
    places = np.arange(size * size).reshape(size, size)
    table = np.empty((SYMMETRIES, size * size), np.int64)
    for g in range(SYMMETRIES):
        turned = places.T if g & 1 else places
        turned = turned[:, ::-1] if g & 2 else turned
        table[g] = (turned[::-1] if g & 4 else turned).ravel()
    return table


@cache
def actions() -> np.ndarray:
    """What each action becomes under each symmetry, int64 (8, 5).

    >>> actions()[[1, 2, 4]].tolist()  # transposed, mirrored left and right, mirrored top and bottom
    [[2, 3, 0, 1, 4], [0, 1, 3, 2, 4], [1, 0, 2, 3, 4]]
    """
    table = np.full((SYMMETRIES, WAIT + 1), WAIT)
    for g in range(SYMMETRIES):
        for (down, right), action in ACTIONS.items():
            y, x = (right, down) if g & 1 else (down, right)
            table[g, action] = ACTIONS[-y if g & 4 else y, -x if g & 2 else x]
    return table


def turn(cells: np.ndarray, routes: np.ndarray, symmetry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn each picture (B, S, S) and its route (B, R) by its own symmetry (B,).

    >>> picture, route = turn(np.array([[[1, 2], [3, 4]]]), np.array([[0, 3, 4]]), np.array([2]))
    >>> picture.tolist(), route.tolist()
    ([[[2, 1], [4, 3]]], [[0, 2, 4]])
    """
    B, S = cells.shape[:2]
    turned = np.take_along_axis(cells.reshape(B, -1), sources(S)[symmetry], axis=1).reshape(cells.shape)
    return turned, np.take_along_axis(actions()[symmetry], routes, axis=1)
