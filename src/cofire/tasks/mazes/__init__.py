"""Mazes: drawn or read from pictures, the task of finding the way through them, and thinking again where it is long.

>>> from cofire.random import Key
>>> mazes = generate(100, 39, key=Key(0), route_length=100)
>>> mazes.images.shape, mazes.routes.shape
((100, 39, 39, 3), (100, 100))
"""

from cofire.tasks.mazes._folder import read_folder as read_folder
from cofire.tasks.mazes._folder import read_maze as read_maze
from cofire.tasks.mazes._generate import MazeSet as MazeSet
from cofire.tasks.mazes._generate import generate as generate
from cofire.tasks.mazes._task import Mazes as Mazes
from cofire.tasks.mazes._walk import Walks as Walks
from cofire.tasks.mazes._walk import walk as walk

__all__ = ["MazeSet", "Mazes", "Walks", "generate", "read_folder", "read_maze", "walk"]
