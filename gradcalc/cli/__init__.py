"""The command line: commands, streams, exit statuses. What they do is done elsewhere and imported when used."""

from gradcalc.cli.main import execute

__all__ = ["execute"]
