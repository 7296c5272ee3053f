"""What theory expects of networks that are no plain stack: normalised, with skip connections, convolutional."""
