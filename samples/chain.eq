# The chain rule for functions of one variable: multiply derivatives.
# dz/dx = dz/dy dy/dx = (3)(2x) = 6x

z = 3 y
y = x^2
x = 5

z == 75
∂z/∂y == 3
∂y/∂x == 2 x
∂z/∂x == ∂z/∂y ∂y/∂x
∂z/∂x == 6 x
∂z/∂x == 30
