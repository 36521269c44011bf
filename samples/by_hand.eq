# A derivation made by hand, line by line, each line checked: ridge regression.
# Without the data at the end, `gradcalc check` checks the same lines in symbols
# or at random points, and `gradcalc derive` writes a derivation of its own.

@layout shape

J = r^T r + λ w^T w
r = X w - y

X in R^{n×m}
w in R^m
y in R^n

# The residual r is linear in w.
∂r/∂w == X

# The gradient: chain rule for the first term, the square for the second.
∂J/∂r == 2 r
∂J/∂w == X^T (2 r) + 2 λ w
∂J/∂w == 2 (X^T X w - X^T y + λ w)

# The Hessian does not depend on w: J is a bowl.
∂/∂w (∂J/∂w) == 2 (X^T X + λ I)

X = [1, 0; 1, 1; 1, 2]
y = [1, 2, 4]
w = [1, 1]
λ = 0.5

# By hand: r = [0, 0, -1], so J = 1 + 0.5 * 2 and ∂J/∂w = 2 X^T r + w.
r == [0, 0, -1]
J == 2
∂J/∂w == [-1, -3]
