# One output, n inputs: the gradient is the vector of partial derivatives,
# one for each input. Here n = 3.

@layout shape

f = x_1^2 x_2 + 3 x_3
x_1 = x[0], x_2 = x[1], x_3 = x[2]
x = [2, 5, 7]

# By hand, one input at a time, the others held still.
∂f/∂x_1 == 2 x_1 x_2
∂f/∂x_2 == x_1^2
∂f/∂x_3 == 3

# All of them at once: [2·2·5, 2^2, 3].
f == 41
∂f/∂x == [∂f/∂x_1, ∂f/∂x_2, ∂f/∂x_3]
∂f/∂x == [20, 4, 3]
