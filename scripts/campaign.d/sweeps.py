"""Crash, interleaving, fault and double-crash sweeps over random scenarios, replayable by seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crashes import crashes, double_crashes
from plays import Checkpoint, Play, Played, chance
from strikes import Boundaries, Strike
from town import RESIDENTS, Town
from troubles import KINDS, Weather
