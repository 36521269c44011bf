"""Syntax to graph: names, calls or products, pieces, shapes."""
