# The layout of gradients: why the transposes?
# In the numerator layout the gradient of a scalar by a column is a row, as the
# chain rule ∂s/∂h ∂h/∂z ∂z/∂b gives it: a row times Jacobians. Then
#     δ = ∂s/∂z = u^T ∘ f'(z)^T         is 1 × n
#     ∂s/∂W = δ^T x^T                   is [n × 1][1 × m], the shape of W
# In the shape convention δ is a column, and ∂s/∂W = δ x^T.

@layout numerator

s = u^T h
h = f(z)
z = W x + b
x (input)

f = square
x = [1, 2, 3]
W = [[1, 0, 1], [0, 1, -1]]
b = [1, 2]
u = [3, -1]

# δ is a row.
∂s/∂z == [[30, -2]]
∂s/∂z == u^T diag(f'(z))

# So are the gradients by columns, each a product of Jacobians.
∂s/∂b == ∂s/∂z
∂s/∂x == ∂s/∂z W

# δ^T x^T, as [n × 1][1 × m]: each input goes to each output, the outer product.
∂s/∂W == (∂s/∂z)^T x^T
∂s/∂W == [[30, 60, 90], [-2, -4, -6]]
