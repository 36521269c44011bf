weight = 2
z = 3 wieght
