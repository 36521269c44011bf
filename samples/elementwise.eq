# h = f(z) entry by entry: h_i = f(z_i). n outputs, n inputs, so the Jacobian is n × n.
# ∂h_i/∂z_j is f'(z_i) where i = j, else 0: a diagonal matrix, diag(f'(z)).

h = f(z)
f = square
z = [1, -2, 3]

h == [1, 4, 9]
f'(z) == 2 z
∂h/∂z == diag(f'(z))
∂h/∂z == [[2, 0, 0], [0, -4, 0], [0, 0, 6]]

# To multiply by a diagonal matrix is to multiply entry by entry, which is how
# backpropagation does it: the n × n matrix is never built.
diag(f'(z)) @ [10, 20, 30] == f'(z) ∘ [10, 20, 30]
diag(f'(z)) @ [10, 20, 30] == [20, -80, 180]
