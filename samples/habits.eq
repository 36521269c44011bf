# What a node does with the gradient that comes to it.

s = 5 (total + most + product)

# + distributes: each summand gets the upstream gradient as it is.
total = a + b
a = 1, b = 2
∂s/∂a == ∂s/∂total
∂s/∂b == ∂s/∂total
∂s/∂a == 5

# max routes: the largest gets all of it, the others nothing.
most = max(c, d)
c = 3, d = 7
∂s/∂c == 0
∂s/∂d == 5

# * switches: each factor gets it times the other factor.
product = p q
p = 4, q = -6
∂s/∂p == 5 q
∂s/∂q == 5 p
∂s/∂p == -30
∂s/∂q == 20
