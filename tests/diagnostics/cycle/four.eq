a = b; b = c
c = d + 1
d = a
