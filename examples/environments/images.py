"""Image recipes: layers on a base, and a tag made of their content."""

import flyte

image = (
    flyte.Image.from_debian_base(python_version=(3, 12), registry="registry.example.org/me", name="train")
    .with_apt_packages("git")
    .with_pip_packages("numpy>=2", "pandas")
    .with_env_vars({"LEVEL": "3"})
    .with_workdir("/work")
)
slim = flyte.Image.from_base("python:3.12-slim").clone(name="slim", extendable=True).with_commands(["echo hello"])
env = flyte.TaskEnvironment("images_example", image=image)

if __name__ == "__main__":
    print(image.uri)
    print(slim.uri)

# prints: registry.example.org/me/train:4350ed01f6005da2d0d9a684974d47c3
# prints: slim:9dd8f0274faec949f2bbda91b82dfc23
