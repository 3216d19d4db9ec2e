"""The sections of `run.py`: each measures one thing and answers its results for the JSON file."""
