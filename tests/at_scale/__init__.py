"""Batches as large as the documentation promises, in processes of their own that are killed for real."""
