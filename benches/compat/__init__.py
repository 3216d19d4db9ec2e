"""The parts of `compatibility.py`."""
