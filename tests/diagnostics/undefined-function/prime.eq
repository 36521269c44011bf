z = 1
d = g'(z)
