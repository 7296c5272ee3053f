"""What is trained: activations, initialisers, heads and the stacked layers, as tensors that lead with the run axis."""
