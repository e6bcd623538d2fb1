"""Well-known segmentation networks: built, exported by both exporters of PyTorch, converted, and judged."""
