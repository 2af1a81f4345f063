"""From a recipe to bootable images: recipe, steps, installers, outputs, cache."""
