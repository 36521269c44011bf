# The Jacobians of the lecture, 3 of 4: ∂/∂u (u^T h) = h^T
# The local gradient is the row h^T. The gradient of the scalar s has the shape of u
# in the shape convention, so it is the column h. In the numerator layout it is the
# row h^T itself: try --layout numerator. The formulas below keep the layout that the
# file states.

@layout shape

s = u^T h
u = [1, 2, 3]
h = [4, 5, 6]

s == 32
∂s/∂u == h
∂s/∂u == [4, 5, 6]
