z = p + q
y = z + r
