# A minibatch: X has one row for each example, and so have the scores and P.
# b is a row; it stretches down the rows of X W, and its gradient sums over them.

P = softmax(X W + b, axis=1)
J = cross_entropy(P, Y) / 4

X = [[1, 0], [0, 1], [1, 1], [0, 0]]
W = [[2, 0, -1], [0, 1, 0]]
b = [[0, 0, 1]]
Y = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]

# Each row of P is a distribution over the three classes.
sum(P, axis=1) == ones(4)

# The gradients are those of one example, averaged over the four.
∂J/∂W == X^T (P - Y) / 4
∂J/∂b == sum(P - Y, axis=0) / 4
∂J/∂b == [[-0.0451173, -0.0036260, 0.0487433]]
J == 0.5151476
