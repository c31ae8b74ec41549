"""Container image recipes and their builders. Recipes are pure; builders talk to container engines."""
