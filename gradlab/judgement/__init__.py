"""What a record means: findings and a verdict, expectations, and runs side by side."""
