"""The tools written in Python, run from the root of the repository with `python -m`."""
