# The Jacobians of the lecture, 2 of 4: ∂/∂b (W x + b) = I, the identity matrix

z = W x + b
x = [1, 2, 3]
W = [[1, 0, -1], [2, 5, 3]]
b = [10, 20]

∂z/∂b == I
∂/∂b (W x + b) == [[1, 0], [0, 1]]
