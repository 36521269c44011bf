x = [1, 2]
y = sum(x, keepdims=1)
