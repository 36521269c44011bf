x in 3
