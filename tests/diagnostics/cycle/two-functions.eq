f(t) = g(t) + 1
g(t) = 2 f(t)
y = f(3)
