x = 1
z = x 2
