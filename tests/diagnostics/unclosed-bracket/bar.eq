x = -1
s = |x
