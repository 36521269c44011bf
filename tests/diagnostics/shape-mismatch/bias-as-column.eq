X = ones(4, 3); b = [1, 2, 3]
Z = X + b
