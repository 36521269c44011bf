s = x^2
x (input)
