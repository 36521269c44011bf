f(a, b) = a + b
y = f(1)
