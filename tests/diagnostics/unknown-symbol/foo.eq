z = \foo x
