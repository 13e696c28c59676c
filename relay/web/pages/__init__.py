"""The pages: one module an area, each handler one page or one act."""
