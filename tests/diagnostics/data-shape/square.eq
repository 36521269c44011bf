W ∈ R^{n×n}
W = [1, 2; 3, 4; 5, 6]
s = sum(W)
