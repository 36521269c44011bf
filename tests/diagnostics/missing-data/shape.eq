x in R^3
s = sum(x)
