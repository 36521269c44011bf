z = 1
h = f(z)
