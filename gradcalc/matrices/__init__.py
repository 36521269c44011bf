"""Jacobians and Hessians: closed forms, values, products with vectors."""
