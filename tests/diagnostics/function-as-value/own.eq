f(t) = t^2
y = 2 f
