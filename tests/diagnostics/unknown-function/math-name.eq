y = atan2(1, 2)
