# One equation for many rows of inputs: gradcalc batch samples/rows.eq --inputs samples/rows.csv
# A row may leave out what has a value here; the claims hold in every row.

f = (x + y) max(y, z)
x = 1, y = 2, z = 0

∂f/∂x == max(y, z)
f - x ∂f/∂x - y max(y, z) == 0
