y = x^2; x = 3
d = dy/dx
