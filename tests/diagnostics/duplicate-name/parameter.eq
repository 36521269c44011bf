f(a, a) = a
y = f(1, 2)
