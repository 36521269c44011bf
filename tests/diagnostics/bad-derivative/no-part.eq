x = 3; y = 4; s = x^2
d = ∂s/∂(x + y)
