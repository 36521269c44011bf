x = 0
s = 1 / x
