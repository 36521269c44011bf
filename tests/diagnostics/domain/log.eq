x = -1
s = log(x)
