"""Derivations in symbols, as on a blackboard."""
