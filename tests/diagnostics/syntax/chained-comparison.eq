a = 1; b = 2; c = 3
s = 1(a < b < c)
