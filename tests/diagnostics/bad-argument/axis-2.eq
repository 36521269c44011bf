x = [1, 2]
y = sum(x, axis=2)
