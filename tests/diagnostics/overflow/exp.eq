x = 1000
s = exp(x)
