"""Readable closed forms and symbolic equality: named rewrites, and a normal form."""
