"""The destinations that ship with Trackway, one module each; its `.cases` folder shows what it sends."""
