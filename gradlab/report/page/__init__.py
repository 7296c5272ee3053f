"""The page's face: one HTML file that opens offline, with its data, its script and the figures' library inside it."""
