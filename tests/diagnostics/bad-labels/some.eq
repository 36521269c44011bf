x = [Paris: 1, 2]
