# The worked example of the lecture, written as on the slide.

f(x, y, z) = (x + y) max(y, z)
x = 1, y = 2, z = 0

# Forward prop steps. They name the pieces of f, so the ledger calls them a and b.
a = x + y
b = max(y, z)
a == 3
b == 2
f == 6

# Local gradients.
∂a/∂x == 1
∂a/∂y == 1
∂b/∂y == 1(y > z)
∂b/∂y == 1
∂b/∂z == 1(z > y)
∂b/∂z == 0
∂f/∂a == b
∂f/∂b == a

# Gradients sum at outward branches: y goes into a and into b.
∂f/∂y == ∂f/∂a ∂a/∂y + ∂f/∂b ∂b/∂y
∂f/∂x == 2
∂f/∂y == 2 + 3
∂f/∂z == 0
