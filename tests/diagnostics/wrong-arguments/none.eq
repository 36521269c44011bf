y = max()
