W = 1; x = 3
z = W (x, 2)
