x ∈ R^n; y ∈ R^n
x = [1, 2]
y = [1, 2, 3]
s = sum(x) sum(y)
