# The Jacobians of the lecture, 1 of 4: ∂/∂x (W x + b) = W

z = W x + b
x = [1, 2, 3]
W = [[1, 0, -1], [2, 5, 3]]
b = [10, 20]

z == [8, 41]
∂z/∂x == W
∂/∂x (W x + b) == [[1, 0, -1], [2, 5, 3]]
