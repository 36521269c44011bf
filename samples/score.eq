# A neuron's score, written bottom up as in the lecture: s = u^T f(W x + b).
# W is 2×5: one column for each word of the window "museums in Paris are amazing".

@layout shape

s = u^T h
h = f(z)
z = W x + b
x (input)

f = sigmoid
x = [museums: 0.5, in: -0.1, Paris: 2, are: 0.3, amazing: 1]
W = [[0.2, -0.4, 0.1, 0.5, -0.3], [-0.1, 0.3, 0.6, -0.2, 0.4]]
b = [0.1, -0.2]
u = [1, -2]

# Each gradient is a product of Jacobians, and ∂s/∂z = u ∘ f'(z) is what they share.
∂s/∂u == h
∂s/∂b == u ∘ f'(z)
∂s/∂W == (u ∘ f'(z)) x^T
∂s/∂x == W^T (u ∘ f'(z))

# In numbers: z = [0.29, 1.26], and f'(z) = h ∘ (1 - h) for the sigmoid.
z == [0.29, 1.26]
s == -0.9860561
∂s/∂b == [0.2448166, -0.3442889]
∂s/∂x == [0.0833922, -0.2012133, -0.1820917, 0.1912661, -0.2111605]
