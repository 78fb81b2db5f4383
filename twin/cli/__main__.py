"""`python -m twin.cli`."""

from twin.cli import app

app()
