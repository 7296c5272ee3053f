"""A run in the files of the experiment trackers that people use already: TensorBoard, Weights & Biases, MLflow.

`contents` says once what is written, and each tracker's module hands it to that tracker's own client. Nothing here needs
a network, and a client is loaded only where it is written for.
"""
