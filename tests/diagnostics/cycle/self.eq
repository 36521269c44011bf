a = a + 1
