X = ones(4, 3); b = [1, 2]
Z = X + b
