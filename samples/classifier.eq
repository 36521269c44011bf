# A classifier of two layers for one input: a hidden layer, softmax, cross-entropy.

@layout shape

J = cross_entropy(p, y)
p = softmax(scores)
scores = W_2 h + b_2
h = f(z)
z = W_1 x + b_1

f = relu
x = [length: 1, width: 2]
y = onehot(2, 3)                # the right class is the last of three
W_1 = [[1, -1], [0.5, 0.5], [-1, 1]]
b_1 = [0, 0.5, 1]
W_2 = [[1, 0, -1], [0, 1, 0], [0, 0, 1]]
b_2 = [0, 0, 0]

# By hand: z = [-1, 2, 2], and relu lets nothing of the first unit pass.
h == [0, 2, 2]

# The scores are [-2, 2, 2], so p is [e^-4, 1, 1] divided by its sum.
p == [exp(-4), 1, 1] / (exp(-4) + 2)
J == log(exp(-4) + 2)

# Of softmax and cross-entropy together this remains: what came out minus what should have.
∂J/∂scores == p - y
∂J/∂b_2 == p - y
∂J/∂W_2 == (p - y) h^T

# The closed unit learns nothing: its row of ∂J/∂W_1 is 0.
∂J/∂z == f'(z) ∘ (W_2^T (p - y))
∂J/∂W_1 == [[0, 0], [0.4954626, 0.9909253], [-0.5136121, -1.0272241]]
∂J/∂x == [0.7613434, -0.2658808]
