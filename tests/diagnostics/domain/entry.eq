x = [1, -4, 9]
y = sqrt(x)
