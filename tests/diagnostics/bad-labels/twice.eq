x = [Paris: 1, Rome: 2, Paris: 3]
