W x = b
