input x, y
s = x y
