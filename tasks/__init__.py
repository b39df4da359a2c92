"""What is learned, and the parts that tasks share."""
