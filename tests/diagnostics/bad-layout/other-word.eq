@layouts shape
