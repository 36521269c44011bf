x = 3
d = max'(x, 2)
