"""A run as tables, documents, LaTeX and pictures; diagnostics as text."""
