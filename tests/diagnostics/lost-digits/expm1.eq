# near 0 the 1 cancels
x = 1e-10
s = (exp(x) - 1)/x
