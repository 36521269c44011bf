# Gradients sum at outward branches. x goes into this product twice: two
# branches, each of which brings x times the upstream gradient.

y = x * x
x = 3

y == 9
∂y/∂x == x + x
∂y/∂x == 6
