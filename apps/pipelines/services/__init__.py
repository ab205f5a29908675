"""What happens to pipelines, runs and stored tables."""
