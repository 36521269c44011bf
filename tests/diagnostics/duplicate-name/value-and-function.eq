f = 3
f(t) = t
