z in R^3
x = [1, 2]
z = 2 x
