"""The stages of the pipeline: each takes drafts and changes them, each a pure function without I/O."""
