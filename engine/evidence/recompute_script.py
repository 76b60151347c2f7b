"""The script by which a stranger computes ε again; it goes into every package and imports nothing of this program."""

from __future__ import annotations

from pathlib import Path

SCRIPT_PATH = Path(__file__).with_name("recompute_epsilon.py")
