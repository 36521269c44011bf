x = 0.37
s = sin(1e9 x)
