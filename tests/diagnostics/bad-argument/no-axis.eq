x = [1, 2]
y = exp(x, axis=0)
