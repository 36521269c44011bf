z = 1
h = sigmod(z)
