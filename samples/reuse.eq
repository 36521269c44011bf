# Re-using computation. ∂s/∂W and ∂s/∂b begin with the same factors,
#     ∂s/∂W = ∂s/∂h ∂h/∂z ∂z/∂W
#     ∂s/∂b = ∂s/∂h ∂h/∂z ∂z/∂b
# so compute them once. δ = ∂s/∂z is the error signal that comes down to z.

@layout shape

s = u^T h
h = f(z)
z = W x + b
x (input)

f = square
x = [1, 2, 3]
W = [[1, 0, 1], [0, 1, -1]]
b = [1, 2]
u = [3, -1]

# By hand: z = [5, 1] and f'(z) = 2 z = [10, 2].
δ = ∂s/∂z
δ == u ∘ f'(z)
δ == [30, -2]

# Three gradients use it.
∂s/∂b == δ
∂s/∂W == δ x^T
∂s/∂x == W^T δ
∂s/∂W == [[30, 60, 90], [-2, -4, -6]]
∂s/∂x == [30, -2, 32]
