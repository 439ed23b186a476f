"""What a user paints with: styles by name, in the user's folder and in the package."""
