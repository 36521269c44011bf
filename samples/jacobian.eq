# m outputs, n inputs: the Jacobian is the m × n matrix of partial derivatives.
# Row i belongs to output f_i, column j to input x_j. Here m = 2 and n = 3.

@layout shape

f = [f_1, f_2]
f_1 = x[0] x[1]
f_2 = x[1] + x[2]^2
x = [2, 3, 4]

# By hand: f_1 = x_1 x_2 has the row [x_2, x_1, 0], f_2 = x_2 + x_3^2 the row [0, 1, 2 x_3].
f == [6, 19]
∂f/∂x == [[3, 2, 0], [0, 1, 8]]

# One entry: output f_1 by input x_2.
(∂f/∂x)[0, 1] == x[0]

# A row of the Jacobian is the gradient of one output.
(∂f/∂x)[1, :]^T == ∂f_2/∂x
