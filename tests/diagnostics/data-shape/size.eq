x in R^3
x = [1, 2]
s = sum(x)
