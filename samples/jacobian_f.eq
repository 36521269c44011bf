# The Jacobians of the lecture, 4 of 4: ∂/∂z f(z) = diag(f'(z))
# Any f that acts entry by entry will do: try another alias for f.

h = f(z)
f = tanh
z = [0, 1]

∂h/∂z == diag(f'(z))
f'(z) == 1 - h .^ 2
∂h/∂z == [[1, 0], [0, 0.4199743]]
